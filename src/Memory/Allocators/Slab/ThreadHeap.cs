using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// One thread's own way to a <see cref="SizeClassAllocator"/>: the same blocks, counters, limits and checks, without looking up the thread's heap in each call, which costs a third of a small
/// allocation. From <see cref="SizeClassAllocator.ForThisThread"/>.
/// </summary>
/// <remarks>
/// Lives on the stack only, as the compiler sees to, and so stays with its thread; it needs no end. Blocks may be freed by it or by the allocator, by whatever thread. Once the allocator is
/// disposed its members throw <see cref="ObjectDisposedException"/>; those of the default value, which belongs to no allocator, <see cref="NullReferenceException"/>. The idea is that of mimalloc's first-class heaps (<c>mi_heap_malloc</c>).
/// </remarks>
public readonly unsafe ref struct ThreadHeap
{
    private readonly SlabHeap* _heap;
    private readonly long _id;
    private readonly SizeClassAllocator _allocator;

    /// <param name="allocator">The allocator.</param>
    /// <param name="heap">The calling thread's heap in it.</param>
    /// <param name="id">The allocator's number.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ThreadHeap(SizeClassAllocator allocator, SlabHeap* heap, long id)
    {
        _allocator = allocator;
        _heap = heap;
        _id = id;
    }

    /// <summary>The allocator, for everything else.</summary>
    public SizeClassAllocator Allocator => _allocator;

    /// <inheritdoc cref="MemoryAllocator.Allocate"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public nint Allocate(nuint size) => SizeClassAllocator.AllocateFrom(_allocator, _heap, _id, size);

    /// <inheritdoc cref="MemoryAllocator.Free"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Free(nint address) => FreeBy<FaultsNamed>(address);

    /// <inheritdoc cref="SizeClassAllocator.FreeBy"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void FreeBy<TFaults>(nint address)
        where TFaults : struct, IFreeFaults
    {
        SlabHeap* heap = _heap;
        if (SlabHeap.Enter(heap, _id))
        {
            if (SlabEngine.TryFindOwn<TFaults>(heap, address, out SlabBin* bin, out Slab* slab, out nuint index))
            {
                if (SlabEngine.FreeOwn(bin, slab, index))
                {
                    SlabHeap.Exit(heap);
                    return;
                }

                _allocator.AfterTrigger(heap, bin, slab);
                return;
            }

            _allocator.FreeBeyond(heap, address);
            return;
        }

        _allocator.FreeShut(heap, address);
    }

    /// <summary>Allocates a block of at least <paramref name="size"/> bytes, of which every usable one is zero.</summary>
    /// <inheritdoc cref="MemoryAllocator.Allocate"/>
    public nint AllocateZeroed(nuint size)
    {
        nint address = _allocator.AllocateZeroedOwn(_heap, size);
        return address != 0 ? address : _allocator.Allocate(size, MemoryAllocator.DefaultAlignment, AllocationOptions.Zeroed);
    }

    /// <inheritdoc cref="MemoryAllocator.Reallocate"/>
    public nint Reallocate(nint address, nuint size)
    {
        nint here = _allocator.ReallocateOwn(_heap, address, size);
        return here != 0 ? here : _allocator.Reallocate(address, size);
    }
}
