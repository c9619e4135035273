using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>Frees by threads that do not take the lock, once the heap is known to be used by several. <c>README.md</c> has the argument.</summary>
internal sealed unsafe partial class SegregatedHeap
{
    // As many as wait of one size.
    private const int MostTakenByRequest = 8;

    // Null until the heap is shared; then every block that waits to be merged is marked in it.
    private FreedElsewhere? _elsewhere;
    private bool _elsewhereClosed;

    /// <summary>Whether threads may free without the lock.</summary>
    internal bool IsShared => _elsewhere is not null;

    /// <summary>Whether such frees have ended for good.</summary>
    internal bool IsClosed => Volatile.Read(ref _elsewhereClosed);

    /// <summary>What such frees have, or null.</summary>
    internal FreedElsewhere? Elsewhere => _elsewhere;

    /// <summary>Whether blocks were freed that are not counted yet. Without the lock, in a read bracket, because <see cref="Close"/> waits for these.</summary>
    internal bool HasFreedElsewhere => Volatile.Read(ref _elsewhere) is { } elsewhere && !Volatile.Read(ref _elsewhereClosed) && elsewhere.HasAny;

    /// <summary>Lets threads free without the lock from now on. False when the system has no memory for what that takes; then all is as it was.</summary>
    internal bool TryShare()
    {
        if (_elsewhere is not null)
        {
            return true;
        }

        FreedElsewhere? elsewhere = null;
        try
        {
            _tables.SettleSpans();
            _spans = _tables.Spans;
            elsewhere = new FreedElsewhere((long)_tables.Pages << PageShift);
            elsewhere.Know(_knownGranules);
        }
        catch (Native.VirtualMemoryException)
        {
            // Frees go on through the lock.
            elsewhere?.Dispose();
            return false;
        }

        _deferred.MarkAll(elsewhere);
        Volatile.Write(ref _elsewhere, elsewhere);
        return true;
    }

    /// <summary>
    /// Frees a block of at most 4 KiB without the lock: marks it, and brings it to who has the lock next. False when it is no live block, too large, of another size than
    /// <paramref name="size"/>, or when there is no place; then nothing has changed and the lock must be taken. In a read bracket, because <see cref="Close"/> waits for these.
    /// </summary>
    /// <remarks>
    /// What is read of a live block does not change while it is live: its start, that it is not free, and where the next one starts, since a neighbour is never merged with it. All this is looked at
    /// before the mark is set, and whether the block is live once more afterwards, in case its free was merged in between.
    /// </remarks>
    internal bool TryGiveElsewhere(nint address, nuint size, bool sized) =>
        Volatile.Read(ref _elsewhere) is { } elsewhere && CanGiveElsewhere(address, size, sized, out uint start) && TryBring(elsewhere, start);

    /// <summary>The first look of <see cref="TryGiveElsewhere"/>, which changes nothing: what it sees may be over by the time the block is marked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool CanGiveElsewhere(nint address, nuint size, bool sized, out uint start)
    {
        start = GranuleAt(address);
        if (Volatile.Read(ref _elsewhereClosed) || start == None || !IsMarkedLive(start))
        {
            return false;
        }

        uint length = LengthOf(start);
        return length <= DeferredBlocks.LargestGranules && (!sized || ((nuint)length << GranuleShift) - size < (nuint)1 << GranuleShift);
    }

    /// <summary>The other half of <see cref="TryGiveElsewhere"/>: marks the block, looks again whether it is live, and brings it. Apart, so that a test can free the block in between.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryBring(FreedElsewhere elsewhere, uint start)
    {
        if (!elsewhere.TryMark(start))
        {
            return false;
        }

        if (!IsMarkedLive(start) || !elsewhere.TryPush(start))
        {
            elsewhere.Unmark(start);
            return false;
        }

        return true;
    }

    /// <summary>Frees a live block, unless another thread has just freed it; then false. With the lock.</summary>
    internal bool TryGive(uint start, uint granules)
    {
        if (_elsewhere is not null && !_elsewhere.TryMark(start))
        {
            return false;
        }

        Give(start, granules);
        return true;
    }

    /// <summary>Takes in what was freed without the lock, at most so many blocks.</summary>
    /// <returns>Whether there was anything.</returns>
    internal bool TakeIn(int most)
    {
        if (_elsewhere is null || !_elsewhere.HasAny)
        {
            return false;
        }

        uint* starts = stackalloc uint[MergedTogether];
        int count;
        do
        {
            for (count = 0; count < MergedTogether && count < most; count++)
            {
                uint start = _elsewhere.Take();
                if (start == None)
                {
                    break;
                }

                FetchGranule(start);
                starts[count] = start;
            }

            for (int i = 0; i < count; i++)
            {
                if (IsMarkedLive(starts[i]))
                {
                    Give(starts[i], LengthOf(starts[i]));
                }
                else
                {
                    // Freed before everything was freed, and brought after.
                    _elsewhere.Unmark(starts[i]);
                }
            }

            most -= count;
        }
        while (count == MergedTogether && most > 0);
        return true;
    }

    /// <summary>Ends frees without the lock and waits for those under way. False when the calling thread is in a read bracket itself and must not wait: then the tables must stay.</summary>
    internal bool Close()
    {
        Volatile.Write(ref _elsewhereClosed, true);
        return _elsewhere is null || ReaderRegistry.TryDrain(Timeout.InfiniteTimeSpan);
    }

    /// <summary>Whether the heap's bits say that a live block starts here: also when it waits to be merged.</summary>
    private bool IsMarkedLive(uint start)
    {
        ulong* line = LineOf(start, out uint word, out int bit);
        return ((Volatile.Read(ref line[word]) & ~Volatile.Read(ref line[word + 4])) >> bit & 1) != 0;
    }
}
