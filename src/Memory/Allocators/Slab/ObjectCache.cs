using System.Numerics;
using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>A named cache of objects of one size (the specification's <c>kmem_cache</c>): slabs with a heap per thread, a constructor, colouring, and red zones and poison on request.</summary>
/// <remarks>
/// Thread-safe. Slabs grow with use: small at first, larger once there are several. Each starts its objects a cache line further on than the last one, as far as its unused end
/// allows, so that equal fields of many objects do not compete for the same lines. Creating is <see cref="ObjectCache(string, int, ObjectCacheOptions?)"/>, destroying
/// <see cref="MemoryAllocator.Dispose()"/>, shrinking <see cref="Trim"/>.
/// </remarks>
public sealed unsafe partial class ObjectCache : MemoryAllocator
{
    private const int MaxObjectBytes = 16 << 10;
    private const int MaxAlignment = 4096;
    private const int ZoneBytes = 16;

    private readonly ObjectCacheOptions _options;
    private readonly SlabEngine _engine;
    private readonly Lock _finishing = new();
    private readonly BlockMemory _memory;
    private readonly int _front;
    private readonly int _overhead;
    private AllocatorStatistics _last;

    // How often all objects were freed at once: changed while every thread is kept out of its heap.
    private int _resets;

    // Objects whose constructor threw; null until one did.
    private HashSet<nint>? _unfinished;

    /// <summary>Makes a cache. Nothing is committed for objects until it is needed.</summary>
    /// <param name="name">Used in errors and statistics.</param>
    /// <param name="objectBytes">1 to 16,384.</param>
    /// <param name="options">Alignment, constructor, diagnostics, limit.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    /// <exception cref="ArgumentOutOfRangeException">Size, alignment or limit are not what is said there.</exception>
    /// <exception cref="VirtualMemoryException">The system did not reserve the address space.</exception>
    public ObjectCache(string name, int objectBytes, ObjectCacheOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        _options = options ?? new ObjectCacheOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(objectBytes, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(objectBytes, MaxObjectBytes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(_options.LimitBytes, nameof(options));
        if (!BitOperations.IsPow2(_options.Alignment) || _options.Alignment > MaxAlignment)
        {
            throw new ArgumentOutOfRangeException(nameof(options), _options.Alignment, $"Alignment must be a power of two, at most {MaxAlignment:N0}.");
        }

        Name = name;
        ObjectBytes = objectBytes;
        int alignment = Math.Max(_options.Alignment, DefaultAlignment);
        bool zones = (_options.Flags & ObjectCacheFlags.RedZones) != 0;
        _front = zones ? Math.Max(ZoneBytes, alignment) : 0;
        int block = (_front + objectBytes + (zones ? ZoneBytes : 0) + alignment - 1) & -alignment;
        _overhead = block - objectBytes;
        int chunks = SlabEngine.ChunksFor(_options.LimitBytes);
        _memory = new BlockMemory(name, (long)chunks * SlabChunks.ChunkBytes, SlabChunks.UnitBytes, _options.LimitBytes, _options.Budget);
        try
        {
            bool keepsContents = _options.Constructor != null || _options.Flags != ObjectCacheFlags.None;
            _engine = new SlabEngine(name, _memory, _memory.Start, chunks, [new SlabGeometry(block)], Math.Max(alignment, 64), keepsContents) { OnNewSlab = zones ? MarkSlab : null };
        }
        catch (VirtualMemoryException)
        {
            _memory.Dispose();
            throw;
        }

        if (_options.Budget != null)
        {
            _options.Budget.PressureChanged += OnPressure;
        }
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override bool IsThreadSafe => true;

    /// <summary>Bytes in an object.</summary>
    public int ObjectBytes { get; }

    /// <summary>The slabs, so that a test can look at them.</summary>
    internal SlabEngine Engine => _engine;

    /// <summary>Hands out an object, constructed (the kernel's <c>kmem_cache_alloc</c>).</summary>
    /// <exception cref="LimitExceededException">The limit or budget is full.</exception>
    /// <exception cref="AllocationFailedException">The system refused memory.</exception>
    /// <exception cref="MemoryFaultException">The object was written to after it was freed; found with <see cref="ObjectCacheFlags.Poison"/>. The object stays free.</exception>
    public nint Allocate() => AllocateCore((nuint)ObjectBytes, AllocationOptions.None, OwnerId.None, throws: true);

    /// <inheritdoc/>
    /// <remarks>
    /// For a size or an alignment above that of its objects the cache has no memory: <see cref="AllocationFailedException"/>, or false. An alignment above 4,096, which no cache has, is a wrong
    /// argument. <see cref="AllocationOptions.Zeroed"/> is refused where there is a constructor: an object cannot be both.
    /// </remarks>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        CheckArguments(size, alignment, options);
        return AllocateCore(size, options, owner, throws: true, alignment);
    }

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        CheckArguments(size, alignment, options);
        address = AllocateCore(size, options, owner, throws: false, alignment);
        return address != 0;
    }

    /// <inheritdoc/>
    public override void Free(nint address)
    {
        nint block = address - _front;
        if (_options.Flags != ObjectCacheFlags.None)
        {
            FreeWatched(address);
            return;
        }

        SlabHeap* heap = (SlabHeap*)LastHeap.Current;
        if (heap == null || !SlabHeap.TryEnter(heap, _engine.Id))
        {
            heap = _engine.HeapOfThisThread();
            if (!_engine.FreeShared(heap, block))
            {
                throw FaultAt(address);
            }

            return;
        }

        bool isFreed = SlabEngine.TryFreeOwn(heap, block, out bool isEnough) || SlabEngine.TryFreeElsewhere(heap, block);
        SlabHeap.Exit(heap);
        if (isEnough)
        {
            _engine.Retire(heap);
        }

        if (!isFreed)
        {
            throw FaultAt(address);
        }
    }

    private void CheckArguments(nuint size, nuint alignment, AllocationOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        if (!BitOperations.IsPow2(alignment) || alignment > MaxAlignment)
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, $"Alignment must be a power of two, at most {MaxAlignment:N0} bytes.");
        }

        if (options != AllocationOptions.None)
        {
            CheckOptions(options);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CheckOptions(AllocationOptions options)
    {
        options.ThrowIfUndefined();
        if (_options.Constructor != null && (options & AllocationOptions.Zeroed) != 0)
        {
            throw new ArgumentOutOfRangeException(nameof(options), options, $"The objects of {Name} have a constructor and cannot be zeroed as well.");
        }
    }

    private nint AllocateCore(nuint size, AllocationOptions options, OwnerId owner, bool throws, nuint alignment = DefaultAlignment)
    {
        if (size > (nuint)ObjectBytes || alignment > (nuint)Math.Max(_options.Alignment, DefaultAlignment))
        {
            _engine.ThrowIfDisposedOutside();
            Interlocked.Add(ref _engine.FailedAllocations, FailuresOf(options));
            return !throws ? 0 : throw new AllocationFailedException(Name, Saturated(size), ObjectBytes, owner, $"objects have {ObjectBytes:N0} bytes and are aligned to {Math.Max(_options.Alignment, DefaultAlignment):N0}.", null, GetStatistics().LiveBytes, _options.LimitBytes);
        }

        bool isWatched = _options.Flags != ObjectCacheFlags.None;
        int resets = Volatile.Read(ref _resets);

        // Of a block with zones only the object is to be zeroed.
        nint block = _engine.Allocate(0, size + (nuint)_overhead, isWatched ? options & ~AllocationOptions.Zeroed : options, owner, out byte before, out SlabEngine.Obstacle obstacle, out VirtualMemoryException? refusal);
        if (block == 0)
        {
            Interlocked.Add(ref _engine.FailedAllocations, FailuresOf(options));
            return !throws ? 0 : throw _engine.Failure(size, ObjectBytes, owner, obstacle, refusal);
        }

        nint address = block + _front;
        if (isWatched)
        {
            Watch(address, before, options, resets);
        }

        if (_options.Constructor != null && (WasLeftUnfinished(address) || BlockState.IsNew(before) || HasPoison))
        {
            Construct(address);
        }

        return address;
    }

    /// <summary>Calls the constructor. When it throws, the object is free again, and constructed when it is next handed out.</summary>
    private void Construct(nint address)
    {
        try
        {
            _options.Constructor!(address);
        }
        catch
        {
            lock (_finishing)
            {
                Volatile.Write(ref _unfinished, _unfinished ?? []);
                _unfinished!.Add(address);
            }

            Interlocked.Increment(ref _engine.FailedAllocations);
            Free(address);
            throw;
        }
    }

    private bool WasLeftUnfinished(nint address)
    {
        if (Volatile.Read(ref _unfinished) == null)
        {
            return false;
        }

        lock (_finishing)
        {
            return _unfinished!.Remove(address);
        }
    }

    private void OnPressure(object? sender, PressureChangedEventArgs change)
    {
        if (change.Current >= PressureLevel.Eviction && change.Current > change.Previous)
        {
            _engine.TryTrim(out long returned);
            _memory.Refund(returned);
        }
    }

    private MemoryFaultException FaultAt(nint address)
    {
        lock (_engine.Gate)
        {
            _engine.ThrowIfDisposed();
            return _engine.Covers(address - _front)
                ? _engine.FaultLocked(address - _front, address, ObjectBytes)
                : new MemoryFaultException(Name, MemoryFault.ForeignFree, address, 0, OwnerId.None, "the address does not lie in this cache's slabs. Give it back where it came from.");
        }
    }
}
