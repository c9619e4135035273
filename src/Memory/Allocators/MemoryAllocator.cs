using System.Buffers;

namespace DimensionStore.Memory;

/// <summary>
/// The contract every allocator of the toolkit keeps: blocks of raw memory outside the GC heap, by address.
/// </summary>
/// <remarks>
/// A block belongs to the caller from <see cref="Allocate"/> to <see cref="Free"/>; it never moves. A failed call changes nothing.
/// <see cref="IsThreadSafe"/> says whether several threads may call at once.
/// Spans, <see cref="IMemoryOwner{T}"/> and guards are made from these members in <see cref="AllocatorExtensions"/>,
/// so that an allocator implements one way in and one way out.
/// </remarks>
public abstract class MemoryAllocator : IDisposable
{
    /// <summary>Alignment in bytes that every block has without asking.</summary>
    public const int DefaultAlignment = 16;

    /// <summary>An option of requests that a layer repeats, after the first was refused: another refusal is no news. It counts nowhere and is not told.</summary>
    internal const AllocationOptions AskedAgain = (AllocationOptions)(1 << 29);

    /// <summary>Name used in errors, statistics and meters.</summary>
    public abstract string Name { get; }

    /// <summary>Whether several threads may use this allocator at once.</summary>
    public abstract bool IsThreadSafe { get; }

    /// <summary>The layer around this allocator, or null.</summary>
    internal AllocatorLayer? Layer { get; set; }

    /// <summary>Whether it frees blocks that nobody gave back, or is a layer around one that does.</summary>
    internal virtual bool CollectsByItself => false;

    /// <summary>The ledger that owners' blocks are charged to by this allocator, or by the nearest layer beneath that has one; null where nobody charges.</summary>
    internal virtual OwnerLedger? Ledger => null;

    /// <summary>Allocates a block of at least <paramref name="size"/> bytes.</summary>
    /// <param name="size">Bytes, 1 or more.</param>
    /// <param name="alignment">A power of two, in bytes.</param>
    /// <param name="options">Zeroing, growth.</param>
    /// <param name="owner">Tag for accounting.</param>
    /// <returns>The address of the first byte.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Size is zero, alignment is not a power of two that the allocator supports, or the options have a bit that is not defined.</exception>
    /// <exception cref="AllocationFailedException">No block of that size can be provided.</exception>
    /// <exception cref="LimitExceededException">The block would go over the limit or budget.</exception>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public abstract nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default);

    /// <summary>Allocates like <see cref="Allocate"/>, but answers false where memory or limit do not suffice.</summary>
    /// <exception cref="ArgumentOutOfRangeException">As for <see cref="Allocate"/>: a wrong argument is never "no memory".</exception>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public abstract bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default);

    /// <summary>Gives a block back.</summary>
    /// <exception cref="MemoryFaultException">Double free, foreign free, or not the start of a block; nothing has changed.</exception>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public abstract void Free(nint address);

    /// <summary>Gives a block back and checks that it could have been allocated with <paramref name="size"/>.</summary>
    /// <exception cref="MemoryFaultException">As for <see cref="Free"/>, or <see cref="MemoryFault.WrongSize"/>.</exception>
    public abstract void FreeSized(nint address, nuint size);

    /// <summary>Bytes that may be used in a live block.</summary>
    /// <exception cref="MemoryFaultException">The address is not a live block of this allocator.</exception>
    public abstract nuint UsableSize(nint address);

    /// <summary>Whether the address is the start of a live block of this allocator. Never throws.</summary>
    public abstract bool Owns(nint address);

    /// <summary>Frees every block at once. Addresses handed out before are invalid afterwards, those that another thread is just being given among them.</summary>
    public abstract void Reset();

    /// <summary>Gives free memory back to the operating system.</summary>
    /// <returns>Bytes that are no longer committed, or that are and have no memory behind them any more (<see cref="AllocatorStatistics.UnbackedBytes"/>).</returns>
    public abstract long Trim();

    /// <summary>Takes a snapshot of the counters. Allocates nothing on the GC heap.</summary>
    public abstract AllocatorStatistics GetStatistics();

    /// <summary>Lists the live blocks. A concurrent allocation or free may or may not be seen.</summary>
    public abstract IEnumerable<BlockInfo> EnumerateBlocks();

    /// <summary>
    /// Lists the committed ranges that blocks are cut from, bookkeeping left out, in ascending order of address and without overlap. What is in an extent and in no
    /// live block is free: with <see cref="EnumerateBlocks"/> this is the memory map.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public abstract IEnumerable<MemoryExtent> EnumerateExtents();

    /// <summary>
    /// Takes the statistics apart: one row per size class and per zone, as far as the allocator has any, and nothing about owners, who are counted by
    /// <see cref="EnumerateBlocks"/>. Allocates; meant for looking, not for a hot path.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public virtual IReadOnlyList<AllocatorGroup> GetGroups() => [];

    /// <summary>
    /// Makes a block larger or smaller and keeps its contents up to the smaller of both sizes: in place where the block's usable size fits and is not more than twice
    /// what is asked for, else in a new block with the default alignment and the same owner tag as given.
    /// </summary>
    /// <remarks>The new size is the one that <see cref="FreeSized"/> and <see cref="BlockInfo.RequestedBytes"/> go by from now on.</remarks>
    /// <returns>The address from now on; when it differs, the old block is free.</returns>
    /// <exception cref="AllocationFailedException">There is no room; the old block is as it was.</exception>
    /// <exception cref="LimitExceededException">A limit or budget is full; the old block is as it was.</exception>
    /// <exception cref="MemoryFaultException">The address is not a live block of this allocator.</exception>
    public virtual nint Reallocate(nint address, nuint size, OwnerId owner = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        nuint usable = UsableSize(address);
        if (size <= usable && usable / 2 <= size)
        {
            NoteSize(address, size);
            return address;
        }

        nint moved = Allocate(size, DefaultAlignment, AllocationOptions.None, owner);
        CopyAndFree(address, moved, nuint.Min(size, usable));
        return moved;
    }

    /// <summary>Copies what a block holds into a new one and frees it; where that is refused, the new one instead.</summary>
    private protected unsafe void CopyAndFree(nint address, nint moved, nuint bytes)
    {
        Buffer.MemoryCopy((void*)address, (void*)moved, bytes, bytes);
        try
        {
            Free(address);
        }
        catch
        {
            // The old block was damaged, or another thread freed it: the caller learns that and keeps what it had.
            Free(moved);
            throw;
        }
    }

    /// <summary>Checks every invariant the allocator keeps about its own structures.</summary>
    public abstract IntegrityReport CheckIntegrity();

    /// <summary>Gives all memory back. Blocks that are still live are counted as leaked in the last statistics and their addresses become invalid.</summary>
    /// <remarks>No other thread may meanwhile use a block or be inside <see cref="Reallocate"/>, which copies them: the process would crash, as with any memory that is not mapped.</remarks>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>
    /// Called when <see cref="Reallocate"/> leaves a block where it is. An allocator that records what was asked for records <paramref name="size"/> instead;
    /// the others have nothing to do.
    /// </summary>
    protected internal virtual void NoteSize(nint address, nuint size)
    {
    }

    /// <summary>
    /// Makes a block larger or smaller where it lies and keeps its contents up to the smaller of both sizes; or answers false, and nothing has changed and nothing was refused. A layer that moves blocks
    /// asks for this first: what takes no new block needs no room for one. An allocator whose <see cref="Reallocate"/> can do more in place than use what a block has does it here too.
    /// </summary>
    /// <exception cref="MemoryFaultException">The address is not a live block of this allocator.</exception>
    protected internal virtual bool TryResizeInPlace(nint address, nuint size)
    {
        nuint usable = UsableSize(address);
        bool fits = size <= usable && usable / 2 <= size;
        if (fits)
        {
            NoteSize(address, size);
        }

        return fits;
    }

    /// <summary>
    /// Charges memory that a layer keeps beside this allocator for blocks of its own to the limit and the budget here, as if it were committed here; false, with nothing charged, when it does not fit.
    /// An allocator without a limit has nothing to do. Outside all locks, from any thread.
    /// </summary>
    protected internal virtual bool TryChargeBeside(long bytes) => true;

    /// <summary>Gives back what <see cref="TryChargeBeside"/> charged. Throws nothing of its own, also when the allocator is disposed; what a handler of the budget's events throws comes through.</summary>
    protected internal virtual void RefundBeside(long bytes)
    {
    }

    /// <summary>Whose a live block is, where this allocator or a layer beneath knows better than whoever named an owner when the block was last moved; false where it does not.</summary>
    internal virtual bool TryFindOwner(nint address, out OwnerId owner)
    {
        owner = default;
        return false;
    }

    /// <summary>The outermost layer around this allocator; this, when there is none.</summary>
    internal MemoryAllocator Outermost
    {
        get
        {
            MemoryAllocator outermost = this;
            while (outermost.Layer is { } around)
            {
                outermost = around;
            }

            return outermost;
        }
    }

    /// <summary>Where this allocator, with its layers, hands out the block that lies at an address in the one that collects, which is this or beneath; 0 when a layer does not know it.</summary>
    internal virtual nint AddressAbove(nint core, MemoryAllocator collector) => core;

    /// <summary>
    /// Frees, for a collection, a block that the collecting allocator or layer has at an address, if it is still that owner's; called on the outermost layer and with no lock held. Each layer above the
    /// collector does as in <see cref="Free"/>, but damage is a finding and no error, and nothing is kept from reuse.
    /// </summary>
    /// <returns>Bytes freed; 0 when the block is not the owner's any more, or somebody is about to take or free it.</returns>
    internal virtual long FreeCollected(nint core, OwnerId owner, MemoryAllocator collector) => 0;

    /// <summary>Adds the live blocks of an owner that a layer above the collector has put elsewhere than into it; <see cref="FreeCollected"/> takes them too.</summary>
    internal virtual void AddBlocksBeside(OwnerId owner, List<nint> found, MemoryAllocator collector)
    {
    }

    /// <summary>Called when a collection has freed what it could.</summary>
    internal virtual void EndCollection()
    {
    }

    /// <summary>Gives the memory back; called once.</summary>
    protected abstract void Dispose(bool disposing);

    /// <summary>The bytes asked for as errors and events report them, which count in <see cref="long"/>.</summary>
    private protected static long Saturated(nuint size) => size > long.MaxValue ? long.MaxValue : (long)size;

    /// <summary>How many failures a refusal of a request with these options is: 1, or 0 where it is <see cref="AskedAgain"/>.</summary>
    private protected static int FailuresOf(AllocationOptions options) => (options & AskedAgain) == 0 ? 1 : 0;
}
