using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// The reservation that one allocator cuts its blocks from, with the limit and the budget that what it commits is charged to.
/// </summary>
/// <remarks>
/// Charging and committing are two steps, because the budget raises events: <see cref="TryCharge"/> and <see cref="Refund"/> are called while no lock of the allocator is held, so
/// that a handler may call back, to trim for example; <see cref="Commit"/> and <see cref="TryDecommit"/> are called under the allocator's lock. Charging is thread-safe by itself,
/// and against <see cref="Dispose"/>: what the budget holds for this reservation is given back once, by whoever takes it out of the one figure that says how much that is.
/// </remarks>
internal sealed class BlockMemory : IDisposable
{
    private const long Closed = -1;

    private readonly string _name;
    private readonly MemoryBudget? _budget;
    private readonly MemoryAllocator? _beneath;
    private readonly nint _reservation;
    private readonly nuint _reservedBytes;
    private long _chargedBytes;
    private long _budgetBytes;
    private long _committedBytes;
    private long _peakCommittedBytes;
    private MemoryUse _uses;

    /// <summary>Reserves address space. Nothing is committed.</summary>
    /// <param name="name">The allocator's name, for errors.</param>
    /// <param name="bytes">Bytes to have between <see cref="Start"/> and <see cref="End"/>; rounded up to a page.</param>
    /// <param name="alignment">Alignment of <see cref="Start"/>, a power of two.</param>
    /// <param name="limitBytes">The most that may be charged.</param>
    /// <param name="budget">A budget shared with others, or null.</param>
    /// <param name="beneath">Instead of a budget, an allocator beside whose own memory this lies, and whose limit and budget hold for it too; or null.</param>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space.</exception>
    internal BlockMemory(string name, long bytes, long alignment, long limitBytes, MemoryBudget? budget, MemoryAllocator? beneath = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limitBytes);
        long page = VirtualMemory.PageSize;
        long whole = checked((bytes + page - 1) / page * page);
        alignment = Math.Max(alignment, page);
        _name = name;
        _budget = budget;
        _beneath = beneath;
        LimitBytes = limitBytes;
        _reservedBytes = checked((nuint)(whole + alignment - page));
        _reservation = VirtualMemory.Reserve(_reservedBytes);
        Start = (nint)(((nuint)_reservation + (nuint)alignment - 1) & ~((nuint)alignment - 1));
        Bytes = whole;
    }

    /// <summary>First address.</summary>
    internal nint Start { get; }

    /// <summary>Bytes from <see cref="Start"/> on.</summary>
    internal long Bytes { get; }

    /// <summary>First address behind.</summary>
    internal nint End => Start + (nint)Bytes;

    /// <summary>The most that may be charged.</summary>
    internal long LimitBytes { get; }

    /// <summary>Bytes charged to the limit and the budget: what is committed and what is about to be.</summary>
    internal long ChargedBytes => IsClosed ? 0 : Volatile.Read(ref _chargedBytes);

    /// <summary>Bytes committed.</summary>
    internal long CommittedBytes => Volatile.Read(ref _committedBytes);

    /// <summary>Highest <see cref="CommittedBytes"/> so far.</summary>
    internal long PeakCommittedBytes => Volatile.Read(ref _peakCommittedBytes);

    /// <summary>Bytes of address space.</summary>
    internal long ReservedBytes => IsClosed ? 0 : (long)_reservedBytes;

    /// <summary>What the limit is called, here and where several parts of an allocator share it as a budget.</summary>
    private string OwnLimit => $"{_name} limit";

    private bool IsClosed => Volatile.Read(ref _budgetBytes) == Closed;

    /// <summary>Whether an address lies in the reservation. One subtraction and one comparison.</summary>
    internal bool Contains(nint address) => (nuint)(address - Start) < (nuint)Bytes;

    /// <summary>
    /// Charges bytes that are about to be committed, or answers false when limit or budget do not have them. Outside the allocator's lock.
    /// True with nothing charged when it was disposed meanwhile: the caller learns that under its lock, and its refund does nothing.
    /// </summary>
    internal bool TryCharge(long bytes)
    {
        long charged = Volatile.Read(ref _chargedBytes);
        while (true)
        {
            if (bytes > LimitBytes - charged)
            {
                return false;
            }

            long seen = Interlocked.CompareExchange(ref _chargedBytes, charged + bytes, charged);
            if (seen == charged)
            {
                break;
            }

            charged = seen;
        }

        bool fits = false;
        try
        {
            fits = _beneath?.TryChargeBeside(bytes) ?? _budget?.TryCharge(bytes) ?? true;
        }
        finally
        {
            if (!fits)
            {
                Interlocked.Add(ref _chargedBytes, -bytes);
            }
        }

        if (fits && !TryAddToBudget(bytes))
        {
            ReleaseBudget(bytes);
        }

        return fits;
    }

    /// <summary>Gives back what was charged, after a decommit or instead of a commit. Outside the allocator's lock.</summary>
    internal void Refund(long bytes)
    {
        if (bytes > 0)
        {
            Interlocked.Add(ref _chargedBytes, -bytes);
            if (TryAddToBudget(-bytes))
            {
                ReleaseBudget(bytes);
            }
        }
    }

    /// <summary>The error for a charge of all the bytes of a request that failed: names the limit or the budget, whichever was in the way.</summary>
    internal LimitExceededException LimitReached(long requestedBytes, OwnerId owner) => LimitReached(requestedBytes, owner, requestedBytes);

    /// <summary>The error for a charge that failed: names the limit or the budget, whichever was in the way.</summary>
    /// <param name="requestedBytes">What was asked for, and what the error says.</param>
    /// <param name="owner">Who asked.</param>
    /// <param name="missingBytes">What could not be charged: less than the request where some of its memory is committed, more where whole pages are.</param>
    internal LimitExceededException LimitReached(long requestedBytes, OwnerId owner, long missingBytes)
    {
        if (missingBytes > LimitBytes - ChargedBytes || _budget is null)
        {
            return Error(OwnLimit, ChargedBytes, LimitBytes, "Free blocks, or raise the limit.");
        }

        MemoryBudget obstacle = _budget.ObstacleFor(missingBytes);
        return Error(obstacle.Name, obstacle.UsedBytes, obstacle.LimitBytes, obstacle.Name == OwnLimit ? "Free blocks, or raise the limit." : "Free blocks, evict, or raise the budget.");

        LimitExceededException Error(string name, long used, long limit, string advice)
        {
            // The numbers alone would say that the request fits.
            string why = requestedBytes <= limit - used ? "Memory is committed in larger steps than that, of which none fits into the rest. " : string.Empty;
            return new LimitExceededException(name, requestedBytes, used, limit, why + advice, owner);
        }
    }

    /// <summary>Commits whole pages that are charged already. Under the allocator's lock.</summary>
    /// <param name="address">First page.</param>
    /// <param name="bytes">How much.</param>
    /// <param name="exact">Whether pages around must stay inaccessible, also where the process has many mappings.</param>
    /// <exception cref="VirtualMemoryException">The system refused; nothing has changed, and the charge is still there to refund.</exception>
    internal void Commit(nint address, long bytes, bool exact = false)
    {
        if (exact)
        {
            VirtualMemory.Commit(address, (nuint)bytes);
        }
        else
        {
            VirtualMemory.CommitWithin(address, (nuint)bytes, Start, (nuint)Bytes);
        }

        long committed = _committedBytes + bytes;
        Volatile.Write(ref _committedBytes, committed);
        if (committed > _peakCommittedBytes)
        {
            Volatile.Write(ref _peakCommittedBytes, committed);
        }
    }

    /// <summary>
    /// Gives whole committed pages back, or answers false when the system refuses: they stay committed then and nothing is lost.
    /// Under the allocator's lock; <see cref="Refund"/> follows outside.
    /// </summary>
    /// <param name="address">First page.</param>
    /// <param name="bytes">How much.</param>
    /// <param name="inaccessible">Whether an access must fault from now on, also where the process has many mappings: for pages that inaccessible ones surround.</param>
    internal bool TryDecommit(nint address, long bytes, bool inaccessible = false)
    {
        try
        {
            if (inaccessible)
            {
                VirtualMemory.MakeInaccessible(address, (nuint)bytes);
            }
            else
            {
                VirtualMemory.Decommit(address, (nuint)bytes);
            }
        }
        catch (VirtualMemoryException)
        {
            return false;
        }

        Volatile.Write(ref _committedBytes, _committedBytes - bytes);
        return true;
    }

    /// <summary>
    /// Discards what whole committed pages hold, or answers false when the system refuses: the memory stays resident then, which is what it would be without asking, and what this is a part of need
    /// not fail for it. They stay committed and charged. Under the allocator's lock.
    /// </summary>
    internal static bool TryDiscard(nint address, long bytes)
    {
        try
        {
            VirtualMemory.Discard(address, (nuint)bytes);
            return true;
        }
        catch (VirtualMemoryException)
        {
            return false;
        }
    }

    /// <summary>Zeroes a block outside the allocator's lock, beside <see cref="Dispose"/> and what frees every block, and ends the use that began with <see cref="BeginUse"/> in the lock in which it was taken.</summary>
    internal unsafe void ClearAndEndUse(nint address, nuint bytes)
    {
        NativeMemory.Clear((void*)address, bytes);
        EndUse();
    }

    /// <summary>
    /// Keeps a block's memory as it is until <see cref="EndUse"/>, for work that neither throws nor waits nor calls a handler, who may reset. In the lock in which the block is taken: begun later, the block
    /// may have been freed with all others by then, and its memory be gone or somebody else's.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The memory is gone, or about to be.</exception>
    internal void BeginUse() => ObjectDisposedException.ThrowIf(!_uses.TryEnter(), typeof(MemoryAllocator));

    /// <summary>Ends a use that has begun.</summary>
    internal void EndUse() => _uses.Exit();

    /// <summary>Waits for those who use blocks. In the lock in which they begin to, before blocks are freed that their users have not asked to free.</summary>
    internal void AwaitUses() => _uses.Await();

    /// <summary>Lets nobody use the memory any more and waits for those who do. Before what they look at goes; <see cref="Dispose"/> does it too.</summary>
    internal void EndUses() => _uses.Close();

    /// <summary>Gives the whole reservation and all charges back, once nobody uses it. Once; later calls do nothing.</summary>
    public void Dispose()
    {
        long held = Interlocked.Exchange(ref _budgetBytes, Closed);
        if (held == Closed)
        {
            return;
        }

        EndUses();
        VirtualMemory.Release(_reservation, _reservedBytes);
        Volatile.Write(ref _committedBytes, 0);
        ReleaseBudget(held);
    }

    private void ReleaseBudget(long bytes)
    {
        _beneath?.RefundBeside(bytes);
        _budget?.Release(bytes);
    }

    /// <summary>Changes how much the budget holds for this reservation, unless it was given back as a whole.</summary>
    private bool TryAddToBudget(long bytes)
    {
        long held = Volatile.Read(ref _budgetBytes);
        while (held != Closed)
        {
            long seen = Interlocked.CompareExchange(ref _budgetBytes, held + bytes, held);
            if (seen == held)
            {
                return true;
            }

            held = seen;
        }

        return false;
    }
}
