using System.Numerics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Large blocks: whole pages, a range of addresses of their own, memory from the system when allocated and back to it when freed.</summary>
/// <remarks>
/// <para>
/// Made for blocks of 64 KiB and more, which are worth a system call or two each. Smaller ones are served too, but each takes a page, which goes back with the pages around it.
/// Fresh memory is zero, so a zeroed block costs nothing extra. A freed block's pages cannot be touched: a use after free ends the program instead of spoiling somebody's data, unless the process is short of mappings (<see cref="Native.VirtualMemory.Decommit"/>).
/// </para>
/// <para>Thread-safe. Look-up is by table, whatever the number of blocks.</para>
/// </remarks>
public sealed class LargeObjectAllocator : PageAllocator
{
    private const long GroupBytes = 64 << 10;
    private const int AddressSpaceFactor = 4;
    internal const long MostCapacityBytes = 128L << 30;

    private readonly long _hugePageBytes;

    /// <summary>Reserves the address space. Nothing is committed until it is needed.</summary>
    /// <exception cref="ArgumentException">The capacity is not 1 byte to 128 GiB.</exception>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space.</exception>
    public LargeObjectAllocator(LargeObjectOptions? options = null)
        : base("LargeObjectAllocator", Layout(options ?? new LargeObjectOptions()))
    {
        _hugePageBytes = options is { UseHugePages: true } && VirtualMemory.HugePageSize <= MaxBlockBytes ? VirtualMemory.HugePageSize : 0;
        HugePages = _hugePageBytes > 0 ? VirtualMemory.AdviseHugePages(Start, (nuint)Areas[0].Bytes) : HugePageResult.NotSupported;
    }

    /// <summary>What became of the wish for huge pages; <see cref="HugePageResult.NotSupported"/> also when there was none.</summary>
    public HugePageResult HugePages { get; }

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default) =>
        base.Allocate(size, AlignmentFor(size, alignment), options, owner);

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default) =>
        base.TryAllocate(size, out address, AlignmentFor(size, alignment), options, owner);

    // A wrong alignment is passed on as it is, to be refused.
    private nuint AlignmentFor(nuint size, nuint alignment) =>
        HugePages == HugePageResult.Advised && size >= (nuint)_hugePageBytes && BitOperations.IsPow2(alignment) ? nuint.Max(alignment, (nuint)_hugePageBytes) : alignment;

    private static BuddyOptions Layout(LargeObjectOptions options)
    {
        if (options.CapacityBytes is <= 0 or > MostCapacityBytes)
        {
            throw new ArgumentException($"The capacity must be 1 to {MostCapacityBytes:N0} bytes, found {options.CapacityBytes:N0}.", nameof(options));
        }

        long page = VirtualMemory.PageSize;
        long group = Math.Max(GroupBytes, 2 * page);
        return new BuddyOptions
        {
            CapacityBytes = (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(options.CapacityBytes, group)) * AddressSpaceFactor,
            LimitBytes = options.CapacityBytes,
            MinBlockBytes = (int)page,
            PageblockBytes = group,
            CommitAheadBytes = 0,
            GivesBackAtOnce = true,
            Budget = options.Budget,
        }.Resolved();
    }
}
