using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// The slabs themselves, without a policy about sizes: heaps, bins, slabs and the memory under them. <see cref="SlabAllocator"/>, <see cref="GeneralAllocator"/> and
/// <c>ObjectCache</c> are faces of it. README.md beside this file says how it works and why.
/// </summary>
internal sealed unsafe partial class SlabEngine : IDisposable
{
    // What a thread claims it hands out in turn before it comes back to what was freed: few bytes, so that a loop that needs one block does not touch the memory of many.
    private const int ClaimedBytes = 64 << 10;
    private const int LeastClaimed = 4;

    // Of blocks whose memory is not there yet: a page of most systems.
    private const int UntouchedBytes = 4 << 10;

    private static long s_lastId;

    /// <summary>Allocations that failed; counted by the faces too.</summary>
    internal long FailedAllocations;

    private readonly SlabGeometry[] _classes;
    private readonly BlockMemory _memory;
    private readonly SlabChunks _chunks;
    private readonly SlabArena _arena;
    private readonly nint _base;
    private readonly nuint _length;
    private readonly SlabUnit* _units;
    private readonly int _colourStep;
    private readonly bool _keepsContents;

    // By slot index; replaced when it grows.
    private nint[] _heaps = [];
    private bool _disposed;

    /// <summary>Makes the bookkeeping for slabs in a range of reserved memory.</summary>
    /// <param name="name">The allocator's name, for errors.</param>
    /// <param name="memory">The reservation, with limit and budget; owned by the caller.</param>
    /// <param name="start">Where the slabs begin: a multiple of a unit.</param>
    /// <param name="chunks">How many chunks.</param>
    /// <param name="classes">The block sizes.</param>
    /// <param name="colourStep">By how many bytes the first block of each slab is to lie further on than that of the last one, a multiple of the blocks' alignment; 0 for not at all.</param>
    /// <param name="keepsContents">Whether free blocks must keep what they hold.</param>
    internal SlabEngine(string name, BlockMemory memory, nint start, int chunks, SlabGeometry[] classes, int colourStep = 0, bool keepsContents = false)
    {
        _colourStep = colourStep;
        _keepsContents = keepsContents;
        Name = name;
        Id = Interlocked.Increment(ref s_lastId);
        _memory = memory;
        _classes = classes;
        _base = start;
        _length = (nuint)chunks * SlabChunks.ChunkBytes;
        _chunks = new SlabChunks(memory, start, chunks);

        // A header, a byte and a tag for each of the smallest blocks: address space, not memory.
        long blocks = (long)(_length / (nuint)classes[0].BlockBytes);
        long units = chunks * (long)SlabChunks.UnitsPerChunk;
        _arena = new SlabArena(units * sizeof(SlabUnit), (units * (Slab.HeaderBytes + 128)) + (2 * blocks) + (2 * sizeof(int) * blocks));
        _units = (SlabUnit*)_arena.Table;
    }

    /// <summary>What stood in the way of an allocation.</summary>
    internal enum Obstacle
    {
        None,
        NoGrow,
        Full,
        Limit,
        System,
    }

    /// <summary>The allocator's name.</summary>
    internal string Name { get; }

    /// <summary>By this number a heap knows whom it is open for.</summary>
    internal long Id { get; }

    /// <summary>Guards everything but what a heap's own thread does between entering and leaving it.</summary>
    internal Lock Gate { get; } = new();

    /// <summary>Whether the slabs are gone.</summary>
    internal bool IsDisposed => _disposed;

    /// <summary>How many chunks serve a limit: a quarter more than it, because slabs of several units do not fill every gap. Address space only.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More than the tables can address.</exception>
    internal static int ChunksFor(long limitBytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limitBytes, 1L << 43);
        return (int)((limitBytes + (limitBytes / 4) + SlabChunks.ChunkBytes - 1) / SlabChunks.ChunkBytes);
    }

    /// <summary>Whether an address lies in the slabs' range.</summary>
    internal bool Covers(nint address) => (nuint)(address - _base) < _length;

    /// <summary>An allocator of pages under the same limit, whose live bytes count for the peak, and whose free pages for what is given back.</summary>
    internal PageAllocator? Beside { get; init; }

    /// <summary>Told of the first block of each new slab and of how many there are, with the lock, before any of them can be handed out.</summary>
    internal Action<nint, int>? OnNewSlab { get; init; }

    /// <summary>What follows the free of a slab's first or last block. Inside the heap, and leaves it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void AfterTrigger(SlabHeap* heap, SlabBin* bin, Slab* slab)
    {
        bool isEnough = OnTrigger(heap, bin, slab);
        SlabHeap.Exit(heap);
        if (isEnough)
        {
            Retire(heap);
        }
    }

    /// <summary>
    /// Frees a block of another heap's slab: one compare-and-swap. The owner hears of it once for any number of blocks, until it looks. False when the address is not a live
    /// block's, and then nothing has changed. Inside the heap.
    /// </summary>
    internal static bool TryFreeElsewhere(SlabHeap* heap, nint address)
    {
        nuint offset = (nuint)(address - heap->Base);
        if (offset >= heap->Length)
        {
            return false;
        }

        SlabUnit* unit = heap->Units + (offset >> SlabChunks.UnitShift);
        uint reciprocal = unit->Reciprocal;
        ulong product = (ulong)((uint)address - unit->Start) * reciprocal;
        if (unit->Heap == null || unit->Heap == heap || (uint)product >= reciprocal)
        {
            return false;
        }

        // Null where its owner is giving it back, the block being free already.
        Slab* slab = unit->Slab;
        if (slab == null || product >> 32 >= slab->Capacity)
        {
            return false;
        }

        byte* state = Slab.States(slab) + (product >> 32);
        byte seen = Volatile.Read(ref *state);
        uint index = slab->Class;
        if (seen < BlockState.Live || Interlocked.CompareExchange(ref *state, BlockState.FreedElsewhere, seen) != seen)
        {
            return false;
        }

        SlabHeap.Bin(heap, index)->Freed++;
        if (Volatile.Read(ref slab->Pending) == 0)
        {
            Notify(heap->Units, slab);
        }

        return true;
    }

    /// <summary>Frees a block of this heap's own; the same as the fast path of <see cref="SizeClassAllocator.Free"/>, for slabs with and without colour. Inside the heap or with the lock.</summary>
    internal static bool TryFreeOwn(SlabHeap* heap, nint address, out bool isEnough)
    {
        isEnough = false;
        nuint offset = (nuint)(address - heap->Base);
        if (offset >= heap->Length)
        {
            return false;
        }

        SlabUnit* unit = heap->Units + (offset >> SlabChunks.UnitShift);
        SlabBin* bin = unit->Bin;
        ulong product = (ulong)((uint)address - unit->Start) * unit->Reciprocal;
        Slab* slab = unit->Slab;
        if (unit->Heap != heap || (uint)product >= unit->Reciprocal || product >> 32 >= slab->Capacity || Slab.States(slab)[product >> 32] < BlockState.Live)
        {
            return false;
        }

        isEnough = !FreeOwn(bin, slab, (nuint)(product >> 32)) && OnTrigger(heap, bin, slab);
        return true;
    }

    /// <summary>
    /// Brings a slab to its owner's pending list unless it is there or on its way. Who changes <see cref="Slab.Pending"/> from 0 to 1 either pushes or changes it back, so a slab
    /// is never in two lists. A slab that went back in the meantime is nobody's; if it came into use again just then, somebody may have relied on this thread: hence the loop.
    /// </summary>
    private static void Notify(SlabUnit* units, Slab* slab)
    {
        while (Interlocked.Exchange(ref slab->Pending, 1) == 0)
        {
            SlabUnit* unit = units + Volatile.Read(ref slab->FirstUnit);
            SlabHeap* heap = unit->Heap;
            if (unit->Slab == slab && heap != null)
            {
                SlabHeap.PushPending(heap, slab);
                return;
            }

            Interlocked.Exchange(ref slab->Pending, 0);
            if (units[Volatile.Read(ref slab->FirstUnit)].Slab != slab)
            {
                return;
            }
        }
    }

    /// <summary>This thread's heap, made if there is none yet, and from now on the one it looks for first.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal SlabHeap* HeapOfThisThread()
    {
        int slot = ReaderRegistry.CurrentSlot.Index;
        nint[] heaps = Volatile.Read(ref _heaps);
        SlabHeap* heap = slot < heaps.Length && heaps[slot] != 0 ? (SlabHeap*)heaps[slot] : AddHeap(slot);
        LastHeap.Current = (nint)heap;
        return heap;
    }

    /// <summary>Frees by way of the lock. False when the address is not a live block's, and then nothing has changed.</summary>
    internal bool FreeShared(SlabHeap* heap, nint address)
    {
        lock (Gate)
        {
            ThrowIfDisposed();
            bool isFreed = TryFreeOwn(heap, address, out bool isEnough) || TryFreeElsewhere(heap, address);
            if (isEnough)
            {
                RetireLocked(heap);
            }

            return isFreed;
        }
    }

    /// <summary>Throws when the slabs are gone. With the lock.</summary>
    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, typeof(MemoryAllocator));

    /// <summary>Like <see cref="ThrowIfDisposed"/>, without the lock.</summary>
    internal void ThrowIfDisposedOutside()
    {
        lock (Gate)
        {
            ThrowIfDisposed();
        }
    }

    private SlabHeap* AddHeap(int slot)
    {
        lock (Gate)
        {
            ThrowIfDisposed();
            if (slot >= _heaps.Length)
            {
                nint[] more = new nint[Math.Max(slot + 1, _heaps.Length * 2)];
                _heaps.CopyTo(more, 0);
                Volatile.Write(ref _heaps, more);
            }

            if (_heaps[slot] == 0)
            {
                SlabHeap* heap = SlabHeapMemory.Take(slot, _classes.Length);
                heap->Base = _base;
                heap->Length = _length;
                heap->Units = _units;
                for (uint i = 0; i < (uint)_classes.Length; i++)
                {
                    SlabBin* bin = SlabHeap.Bin(heap, i);
                    bin->Stride = (nuint)_classes[i].BlockBytes;
                    bin->SlackShift = (byte)_classes[i].SlackShift;
                    bin->Class = (byte)i;
                    bin->MostClaimed = (byte)Math.Clamp(ClaimedBytes / _classes[i].BlockBytes, LeastClaimed, 64);
                    bin->MostUntouched = (byte)Math.Clamp(UntouchedBytes / _classes[i].BlockBytes, 1, 64);
                }

                heap->OpenFor = Id;
                Volatile.Write(ref _heaps[slot], (nint)heap);
            }

            return (SlabHeap*)_heaps[slot];
        }
    }
}
