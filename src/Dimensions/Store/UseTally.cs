using DimensionStore.Memory;

namespace DimensionStore;

/// <summary>
/// Counts the accesses to one store. Each thread counts in its reader slot, on the line that its bracket writes anyway, and credits the store when it turns to another one;
/// so the count is exact and costs an increment and two comparisons. A cell per thread and dimension was rejected: it cost as much as the access.
/// </summary>
internal sealed class UseTally
{
    // A block of uses is some 33 to 96 long, of no fixed length: with a fixed one, a loop over as many layers would always be looked at in the same place.
    // A look writes what all threads share, at up to 300 ns when another core has the line. So a thread that reads much is looked at less often.
    private const int ShortestBlock = 33;
    private const int BlockSpreadBits = 6;
    private const int BusyAfter = 4096;
    private const int BusyFactorBits = 5;

    private static long s_lastNumber;

    private long _credited;

    /// <summary>A number that no other tally of this process has; never 0.</summary>
    public long Number { get; } = Interlocked.Increment(ref s_lastNumber);

    /// <summary>All accesses so far.</summary>
    public long Count => Volatile.Read(ref _credited) + ReaderRegistry.SumTally(this);

    /// <summary>Does what <see cref="ReaderLine.TryCount"/> left to do after counting.</summary>
    /// <returns>How many uses the block that ends here has, or 0 when none does.</returns>
    public long Look(ReaderSlot slot)
    {
        long count = slot.Counter;
        if (!ReferenceEquals(slot.TallyOwner, this))
        {
            if (slot.TallyOwner is UseTally other)
            {
                Interlocked.Add(ref other._credited, count - 1 - slot.TallyStart);
            }

            slot.SetTally(this, Number, count - 1);
        }

        if (count < slot.NextLook)
        {
            return 0;
        }

        // Spread by a hash of the count: cheap, and in step with no loop.
        long block = ShortestBlock + (long)(((ulong)count * 0x9E3779B97F4A7C15) >> (64 - BlockSpreadBits));
        if (count >= BusyAfter)
        {
            block <<= BusyFactorBits;
        }

        slot.NextLook = count + block;
        return block;
    }
}
