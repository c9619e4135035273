using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// One thread's free blocks and counters in one allocator: a magazine per pool. Only the owning thread touches it between
/// <see cref="TryEnter"/> and <see cref="Exit"/>; whoever holds the allocator's lock and has stopped the others may touch every cache.
/// Belongs to a reader slot, so a later thread on the same slot takes it over as it is.
/// </summary>
internal sealed unsafe class ThreadCache
{
    private const int OrderTableBytes = 384;
    private const int MagazineStride = 512;

    [ThreadStatic]
    private static ThreadCache? t_current;

    // The magazines lie in a pinned array and not in memory of the operating system: they stay readable for a thread that is late
    // by one instruction when the allocator is disposed.
    private readonly byte[] _memory;
    private readonly byte* _start;
    private HotLine _hot;

    /// <summary>Creates the cache with empty magazines, one per pool and one behind them that always stays empty.</summary>
    internal ThreadCache(long allocatorId, BlockPool[] pools, ReadOnlySpan<byte> poolOfOrder)
    {
        _hot.OpenFor = allocatorId;
        _memory = GC.AllocateArray<byte>(128 + OrderTableBytes + (MagazineStride * (pools.Length + 1)), pinned: true);
        _start = (byte*)(((nint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_memory)) + 127) & ~127);

        for (int i = 0; i < pools.Length; i++)
        {
            Magazine* magazine = MagazineOf(i);
            magazine->Blocks = pools[i].Blocks;
            magazine->Words = pools[i].Words;
            magazine->Capacity = pools[i].MagazineCapacity;
            magazine->BlockShift = pools[i].BlockShift;
            magazine->KnownBlocks = pools[i].KnownBlocks;
        }

        // By leading zeros of the size less one, as offsets rather than indices, so that going from a size to its magazine takes one load
        // and no size needs a check: 0 and all that is too large end at the magazine that stays empty.
        uint* offsets = (uint*)_start;
        for (int order = 0; order <= 64; order++)
        {
            int pool = order < poolOfOrder.Length ? poolOfOrder[order] : pools.Length;
            offsets[64 - order] = (uint)(OrderTableBytes + (pool * MagazineStride));
        }
    }

    /// <summary>
    /// The cache this thread used last, of whichever allocator. A thread that stays with one allocator finds its cache in one look-up;
    /// one that alternates pays for the walk over its slot each time. It refers to no allocator, so it keeps none alive.
    /// </summary>
    internal static ThreadCache? Current
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => t_current;
        set => t_current = value;
    }

    /// <summary>Bytes this cache takes.</summary>
    internal long MetadataBytes => _memory.Length + sizeof(HotLine);

    /// <summary>Whether the owning thread is between <see cref="TryEnter"/> and <see cref="Exit"/>.</summary>
    internal bool IsBusy => Volatile.Read(ref _hot.Busy) != 0;

    /// <summary>The magazine of the smallest pool whose blocks have at least <paramref name="needed"/> bytes; the one that is always empty when there is none or for 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Magazine* MagazineFor(nuint needed) => (Magazine*)(_start + ((uint*)_start)[(uint)BitOperations.LeadingZeroCount((ulong)needed - 1)]);

    /// <summary>The magazine of a pool by its index.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Magazine* MagazineOf(uint pool) => (Magazine*)(_start + OrderTableBytes + ((nuint)pool * MagazineStride));

    /// <inheritdoc cref="MagazineOf(uint)"/>
    internal Magazine* MagazineOf(int pool) => MagazineOf((uint)pool);

    /// <summary>
    /// Claims the cache for its own thread, unless it belongs to another allocator or is shut; then it is not claimed.
    /// The argument is that of <see cref="ReaderSlot.Enter"/>: whoever shuts the cache pays for a process-wide barrier and waits while it is busy. Why the mark is not read back: <see cref="SlabHeap.Enter"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryEnter(long allocatorId)
    {
        Volatile.Write(ref _hot.Busy, 1);
        if (Volatile.Read(ref _hot.OpenFor) == allocatorId)
        {
            return true;
        }

        Exit();
        return false;
    }

    /// <summary>Makes <see cref="TryEnter"/> fail from now on. A barrier and a wait for <see cref="IsBusy"/> must follow.</summary>
    internal void Shut() => Volatile.Write(ref _hot.OpenFor, 0);

    /// <summary>Undoes <see cref="Shut"/>; what was changed in between is visible to the thread that enters next.</summary>
    internal void Open(long allocatorId) => Volatile.Write(ref _hot.OpenFor, allocatorId);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Exit() => Volatile.Write(ref _hot.Busy, 0);

    /// <summary>The flags, with 128 bytes of nothing on either side.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128 + 64 + 128)]
    private struct HotLine
    {
        [FieldOffset(128)]
        internal int Busy;

        [FieldOffset(136)]
        internal long OpenFor;
    }
}
