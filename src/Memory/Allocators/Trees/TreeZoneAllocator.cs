using System.Diagnostics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Eight zones of membranes, as many as there are rooted trees, with first fit inside (the DTESN memory specification).</summary>
/// <remarks>
/// <para>
/// A level is asked for by name (<see cref="AllocateAt"/>) or left to the allocator (<see cref="Allocate"/>): then level 7 is tried first, which has 94 % of the memory, and when it has no
/// room the levels above it, 6 to 0, so that the small ones stay for those who name them. Within a level the lowest free address of the lowest membrane with room is taken. A block lies in
/// one membrane; only when no membrane of the level has room it spans several.
/// </para>
/// <para>
/// Thread-safe, with a lock per zone. Sizes are rounded up to 16 bytes. Nothing is stored in the blocks, so misuse of a block cannot damage the allocator. There is no finalizer: a forgotten
/// allocator keeps its memory, because somebody may still hold an address.
/// </para>
/// </remarks>
public sealed unsafe partial class TreeZoneAllocator : MemoryAllocator
{
    /// <summary>Zones, which are the membrane levels 0 to 7.</summary>
    public const int LevelCount = 8;

    /// <summary>Where the zone map begins, in the specification's addresses.</summary>
    public const long LogicalBase = 0x40000000;

    /// <summary>Largest alignment in bytes.</summary>
    public const int MaxAlignment = 2 << 20;

    /// <summary>The most all zones together may have: 16 GiB.</summary>
    public const long MaxTotalBytes = 16L << 30;

    private const int SamplingMask = 63;

    private readonly TreeZoneOptions _options;
    private readonly BlockMemory _memory;
    private readonly LeafMap _map;
    private readonly BlockTags _tags;
    private readonly MovableTable _movables;
    private readonly TreeZone[] _zones = new TreeZone[LevelCount];
    private readonly nint _nodes;
    private readonly nuint _nodesBytes;
    private readonly nuint _zoneNodesBytes;
    private readonly int _pageLeaves;
    private readonly long _capacityBytes;
    private long _liveBytes;
    private long _peakLiveBytes;
    private long _failedAllocations;
    private bool _disposed;

    /// <summary>Initialises the zones (<c>dtesn_mem_init</c>). Nothing is committed until it is needed.</summary>
    /// <param name="options">Sizes and limits; the specification's when null.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size, limit or time in the options is not what <see cref="TreeZoneOptions"/> says (<see cref="TreeZoneError.InvalidArgument"/>).</exception>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space (<see cref="TreeZoneError.OutOfMemory"/>).</exception>
    public TreeZoneAllocator(TreeZoneOptions? options = null)
    {
        _options = options ?? new TreeZoneOptions();
        Check(_options);
        _pageLeaves = Math.Max(1, VirtualMemory.PageSize / LeafMap.LeafBytes);
        _capacityBytes = Math.Min(_options.TotalBytes, _options.LimitBytes ?? _options.TotalBytes);
        int leaves = (int)(_options.TotalBytes / LeafMap.LeafBytes);

        // Each zone may come to have nearly all leaves when zones are resized: a family of eight nodes per 56 leaves, and a few for each membrane's short ends.
        long families = (leaves / 56) + (MembranesOf(LevelCount - 1) * 16);
        _zoneNodesBytes = (nuint)RoundUp(families * sizeof(MembraneTree.Family), VirtualMemory.PageSize);
        _nodesBytes = _zoneNodesBytes * LevelCount;
        try
        {
            _memory = new BlockMemory(Name, _options.TotalBytes, MaxAlignment, _capacityBytes, _options.Budget);
            _map = new LeafMap(leaves);
            _tags = new BlockTags(leaves << LeafMap.LeafShift);
            _movables = new MovableTable((int)Math.Min(1 << 24, _options.TotalBytes / 64));
            _nodes = VirtualMemory.Reserve(_nodesBytes);
            VirtualMemory.Commit(_nodes, _nodesBytes);
        }
        catch (VirtualMemoryException)
        {
            ReleaseAll();
            throw;
        }

        for (int level = 0; level < LevelCount; level++)
        {
            _zones[level] = new TreeZone(level, _map);
            int first = (int)(DefaultOffset(level) / LeafMap.LeafBytes);
            int end = (int)(DefaultOffset(level + 1) / LeafMap.LeafBytes);
            _zones[level].Lay(first, end - first, first, MembranesOf(level), _pageLeaves, NodesOf(level));
            _zones[level].FreeRuns = 1;
        }
    }

    /// <summary>The least all zones together may have: 16 MiB with pages of 4 KiB, so that each of the 200 membranes has a page.</summary>
    public static long MinTotalBytes => (16L << 20) * Math.Max(1, VirtualMemory.PageSize / LeafMap.LeafBytes);

    /// <inheritdoc/>
    public override string Name => "TreeZoneAllocator";

    /// <inheritdoc/>
    public override bool IsThreadSafe => true;

    /// <summary>The options it was made with.</summary>
    public TreeZoneOptions Options => _options;

    /// <summary>The zones and the map, so that a test can damage them and see the checks find it.</summary>
    internal TreeZone[] Zones => _zones;

    internal LeafMap Map => _map;

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
        => AllocateOrThrow(new Request(size, alignment, options, owner));

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        address = TryAllocate(new Request(size, alignment, options, owner), out _);
        return address != 0;
    }

    /// <summary>Allocates in one level (<c>dtesn_alloc</c>).</summary>
    /// <param name="size">Bytes, 1 or more.</param>
    /// <param name="level">Membrane level, 0 to 7.</param>
    /// <param name="membrane">The only membrane the block may lie in, or −1 for the lowest that has room.</param>
    /// <param name="alignment">A power of two up to <see cref="MaxAlignment"/>, in bytes.</param>
    /// <param name="options">Zeroing, growth.</param>
    /// <param name="owner">Tag for accounting.</param>
    /// <returns>The address of the first byte. A request larger than a membrane spans several, side by side, unless <paramref name="membrane"/> is given.</returns>
    /// <exception cref="ArgumentOutOfRangeException">Size, level, membrane or alignment is not one there is (<see cref="TreeZoneError.InvalidArgument"/>).</exception>
    /// <exception cref="AllocationFailedException">
    /// The level has no room (<see cref="TreeZoneError.OutOfMemory"/>), or has it only in pieces (<see cref="TreeZoneError.Fragmented"/>). No other level is tried.
    /// </exception>
    /// <exception cref="LimitExceededException">Limit or budget are full (<see cref="TreeZoneError.OutOfMemory"/>).</exception>
    /// <exception cref="ObjectDisposedException">Shut down (<see cref="TreeZoneError.NotInitialized"/>).</exception>
    public nint AllocateAt(nuint size, int level, int membrane = -1, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
        => AllocateOrThrow(new Request(size, alignment, options, owner, CheckLevel(level), CheckMembrane(level, membrane)));

    /// <summary>Allocates like <see cref="AllocateAt"/>, but answers false where memory or limit do not suffice.</summary>
    public bool TryAllocateAt(nuint size, int level, out nint address, int membrane = -1, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        address = TryAllocate(new Request(size, alignment, options, owner, CheckLevel(level), CheckMembrane(level, membrane)), out _);
        return address != 0;
    }

    /// <inheritdoc/>
    public override void Free(nint address) => Free(address, 0, sized: false, fromHandle: false);

    /// <inheritdoc/>
    /// <remarks>
    /// The size asked for is kept to the byte, and must match, for blocks above 16 bytes; of smaller ones, and of one in 256, it is kept where it is a multiple of 4, and else any size
    /// that gives the same block is taken.
    /// </remarks>
    public override void FreeSized(nint address, nuint size) => Free(address, size, sized: true, fromHandle: false);

    /// <inheritdoc/>
    public override nuint UsableSize(nint address)
    {
        TreeZone zone = EnterBlock(address, out int granule);
        int count = _map.EndOf(granule, zone.EndGranule) - granule;
        zone.Lock.Exit();
        return (nuint)count << LeafMap.GranuleShift;
    }

    /// <inheritdoc/>
    public override bool Owns(nint address)
    {
        TreeZone? zone = TryEnter(address);
        if (zone is null)
        {
            return false;
        }

        bool owns = (address & (LeafMap.GranuleBytes - 1)) == 0 && _map.IsLiveStart(GranuleAt(address));
        zone.Lock.Exit();
        return owns;
    }

    /// <summary>The zone that an address lies in, with its lock taken; null when there is none, also after dispose.</summary>
    private TreeZone? TryEnter(nint address)
    {
        if (!_memory.Contains(address))
        {
            return null;
        }

        _map.Fetch(GranuleAt(address) >> LeafMap.LeafShift);
        while (true)
        {
            int leaf = GranuleAt(address) >> LeafMap.LeafShift;
            int level = LevelCount - 1;
            while (level > 0 && leaf < _zones[level].FirstLeaf)
            {
                level--;
            }

            TreeZone zone = _zones[level];
            zone.Lock.Enter();
            if (_disposed)
            {
                zone.Lock.Exit();
                return null;
            }

            if (leaf >= zone.FirstLeaf && leaf < zone.EndLeaf)
            {
                return zone;
            }

            // The zones were resized between the look and the lock.
            zone.Lock.Exit();
        }
    }

    /// <summary>The zone of a live block, with its lock taken.</summary>
    /// <exception cref="MemoryFaultException">The address is not a live block's; no lock is held.</exception>
    private TreeZone EnterBlock(nint address, out int granule)
    {
        TreeZone? zone = TryEnter(address);
        granule = zone is null ? 0 : GranuleAt(address);
        if (zone is null || (address & (LeafMap.GranuleBytes - 1)) != 0 || !_map.IsLiveStart(granule))
        {
            throw Fault(zone, address);
        }

        return zone;
    }

    private void Free(nint address, nuint size, bool sized, bool fromHandle)
    {
        long started = 0;
        TreeZone zone = EnterBlock(address, out int granule);
        int membrane = zone.MembraneOf(granule);
        zone.Membrane(membrane).Fetch(granule >> LeafMap.LeafShift);
        _tags.Fetch(granule);
        if (_options.WatchLatency || (zone.FreeCount & SamplingMask) == 0)
        {
            started = Stopwatch.GetTimestamp();
        }

        int count = _map.EndOf(granule, zone.EndGranule) - granule;
        bool tagged = _tags.TryGet(granule, out int tag, out bool movable);
        if ((movable && !fromHandle) || (sized && !CouldHaveSize(granule, count, size)))
        {
            OwnerId owner = OwnerOf(granule);
            long requested = ((long)count << LeafMap.GranuleShift) - _map.UnusedOf(granule, count);
            zone.Lock.Exit();
            throw movable && !fromHandle
                ? new MemoryFaultException(Name, MemoryFault.NotABlockStart, address, requested, owner, "the block is held by a movable handle. Free the handle.")
                : new MemoryFaultException(Name, MemoryFault.WrongSize, address, requested, owner, $"{size:N0} bytes were given, {requested:N0} were allocated. Give the size that was asked for.");
        }

        if (tagged)
        {
            _tags.Remove(granule);
        }

        // An interlocked operation waits until everything written before it is through to the cache: first, while there is nothing.
        Interlocked.Add(ref _liveBytes, -((long)count << LeafMap.GranuleShift));
        Release(zone, membrane, granule, count);
        zone.Ended!.Note((uint)granule, (uint)count, tagged ? OwnerOf(tag, movable) : OwnerId.None);
        zone.FreeCount++;
        bool look = (zone.FreeCount & PressureMask) == 0;
        long ticks = 0;
        if (started != 0)
        {
            ticks = Stopwatch.GetTimestamp() - started;
            zone.FreeTicks += ticks;
            zone.FreeSamples++;
        }

        zone.Lock.Exit();
        if (_options.WatchLatency)
        {
            WatchLatency(TreeZoneOperation.Free, address, ticks, _options.FreeLimit);
        }

        if (look)
        {
            CheckPressure();
        }
    }

    private bool CouldHaveSize(int granule, int count, nuint size)
        => size != 0 && size <= (nuint)count << LeafMap.GranuleShift && ((nuint)count << LeafMap.GranuleShift) - size < LeafMap.GranuleBytes
            && _map.CouldHaveUnused(granule, count, (int)(((nuint)count << LeafMap.GranuleShift) - size));

    private OwnerId OwnerOf(int granule)
        => !_tags.TryGet(granule, out int tag, out bool movable) ? OwnerId.None : OwnerOf(tag, movable);

    private OwnerId OwnerOf(int tag, bool movable) => new(movable ? _movables.OwnerOf(tag) : tag);

    private int GranuleAt(nint address) => (int)((address - _memory.Start) >> LeafMap.GranuleShift);

    private nint AddressOf(int granule) => _memory.Start + ((nint)granule << LeafMap.GranuleShift);

    /// <summary>Says what is wrong with an address that is not a live block. Takes over the zone's lock.</summary>
    private Exception Fault(TreeZone? zone, nint address)
    {
        if (zone is null)
        {
            return Volatile.Read(ref _disposed)
                ? new ObjectDisposedException(Name)
                : new MemoryFaultException(Name, MemoryFault.ForeignFree, address, 0, OwnerId.None, "the address does not lie in this allocator's zones. Give it back where it came from.");
        }

        int granule = GranuleAt(address);
        bool free = _map.IsFree(granule);
        bool former = false;
        uint ended = 0;
        OwnerId formerOwner = OwnerId.None;
        if (free && (address & (LeafMap.GranuleBytes - 1)) == 0)
        {
            // Each of the two may have forgotten: the bits with the pages that went back, the other with later blocks.
            former = (zone.Ended is { } lives && lives.TryGet((uint)granule, out ended, out formerOwner)) || _map.IsFormerStart(granule);
        }

        int start = free ? granule : _map.StartOf(granule);
        long bytes = free ? 0 : (long)(_map.EndOf(start, zone.EndGranule) - start) << LeafMap.GranuleShift;
        OwnerId owner = free ? OwnerId.None : OwnerOf(start);
        zone.Lock.Exit();
        return former
            ? new MemoryFaultException(Name, MemoryFault.DoubleFree, address, (long)ended << LeafMap.GranuleShift, formerOwner, $"the block of level {zone.Level} is free already.{(ended == 0 ? "" : " Size and owner are those of its last life.")}")
            : free
            ? new MemoryFaultException(Name, MemoryFault.NotABlockStart, address, 0, OwnerId.None, $"the address lies in free memory of level {zone.Level}, where no block starts.")
            : new MemoryFaultException(Name, MemoryFault.NotABlockStart, address, bytes, owner, $"the address lies {address - AddressOf(start):N0} bytes into the live block at 0x{AddressOf(start):x}. Use the address that was handed out.");
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);

    private MembraneTree.Family* NodesOf(int level) => (MembraneTree.Family*)(_nodes + (nint)((nuint)level * _zoneNodesBytes));

    private static long RoundUp(long bytes, long unit) => (bytes + unit - 1) / unit * unit;

    private static void Check(TreeZoneOptions options)
    {
        long unit = Math.Max(LeafMap.LeafBytes << 2, VirtualMemory.PageSize);
        if (options.TotalBytes < MinTotalBytes || options.TotalBytes > MaxTotalBytes || options.TotalBytes % unit != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.TotalBytes, $"All zones together must have {MinTotalBytes:N0} to {MaxTotalBytes:N0} bytes, a multiple of {unit:N0}.");
        }

        if (options.LimitBytes is <= 0)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options.LimitBytes, "The limit must be more than 0 bytes.");
        }

        if (options.AllocationLimit <= TimeSpan.Zero || options.FreeLimit <= TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(nameof(options), $"The limits of latency must be more than 0, found {options.AllocationLimit} and {options.FreeLimit}.");
        }
    }

    private void ReleaseAll()
    {
        _memory?.Dispose();
        _map?.Dispose();
        _tags?.Dispose();
        _movables?.Dispose();
        if (_nodes != 0)
        {
            VirtualMemory.Release(_nodes, _nodesBytes);
        }
    }
}
