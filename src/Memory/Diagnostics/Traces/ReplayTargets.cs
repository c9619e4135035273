using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// What a replay calls. Implemented by structs only, so that the compiler makes a loop for each and the calls in it are direct: through <see cref="MemoryAllocator"/>
/// each would be a virtual call that a program with one allocator class does not make, and guarded devirtualisation decides by what the process ran before.
/// </summary>
internal interface IReplayTarget
{
    /// <summary>Called on a copy by each thread before it uses that copy: the place to look up what belongs to the thread.</summary>
    void Settle();

    nint Allocate(nuint size);

    nint AllocateZeroed(nuint size);

    nint AllocateAligned(nuint size, nuint alignment);

    nint Reallocate(nint address, nuint size);

    void Free(nint address);
}

/// <summary>Something to be done with a target, whichever its type.</summary>
internal interface IReplayTargetVisitor<out TResult>
{
    TResult Visit<T>(T target)
        where T : struct, IReplayTarget;
}

/// <summary>The one place that knows which allocator has a target of its own.</summary>
internal static class ReplayTargets
{
    internal static TResult Dispatch<TResult>(MemoryAllocator allocator, IReplayTargetVisitor<TResult> visitor) => allocator switch
    {
        PoolAllocator pool => visitor.Visit(new PoolTarget(pool)),
        BuddyAllocator buddy => visitor.Visit(new BuddyTarget(buddy)),
        DualPoolAllocator dual => visitor.Visit(new DualTarget(dual)),
        SizeClassAllocator slabs => visitor.Visit(new ThreadHeapTarget(slabs)),
        SegregatedAllocator segregatedAllocator => visitor.Visit(new SegregatedTarget(segregatedAllocator)),
        TreeZoneAllocator treeZoneAllocator => visitor.Visit(new TreeZoneTarget(treeZoneAllocator)),
        LargeObjectAllocator largeObjectAllocator => visitor.Visit(new LargeObjectTarget(largeObjectAllocator)),
        _ => visitor.Visit(new AnyTarget(allocator)),
    };
}

/// <summary>Any allocator, by virtual calls: layers, and classes that have no target of their own.</summary>
internal readonly struct AnyTarget(MemoryAllocator allocator) : IReplayTarget
{
    public void Settle()
    {
    }

    public nint Allocate(nuint size) => allocator.Allocate(size);

    public nint AllocateZeroed(nuint size) => allocator.Allocate(size, MemoryAllocator.DefaultAlignment, AllocationOptions.Zeroed);

    public nint AllocateAligned(nuint size, nuint alignment) => allocator.Allocate(size, alignment);

    public nint Reallocate(nint address, nuint size) => allocator.Reallocate(address, size);

    public void Free(nint address) => allocator.Free(address);
}

internal readonly struct PoolTarget(PoolAllocator allocator) : IReplayTarget
{
    public void Settle()
    {
    }

    public nint Allocate(nuint size) => allocator.Allocate(size);

    public nint AllocateZeroed(nuint size) => allocator.Allocate(size, MemoryAllocator.DefaultAlignment, AllocationOptions.Zeroed);

    public nint AllocateAligned(nuint size, nuint alignment) => allocator.Allocate(size, alignment);

    public nint Reallocate(nint address, nuint size) => allocator.Reallocate(address, size);

    public void Free(nint address) => allocator.Free(address);
}

internal readonly struct BuddyTarget(BuddyAllocator allocator) : IReplayTarget
{
    public void Settle()
    {
    }

    public nint Allocate(nuint size) => allocator.Allocate(size);

    public nint AllocateZeroed(nuint size) => allocator.Allocate(size, MemoryAllocator.DefaultAlignment, AllocationOptions.Zeroed);

    public nint AllocateAligned(nuint size, nuint alignment) => allocator.Allocate(size, alignment);

    public nint Reallocate(nint address, nuint size) => allocator.Reallocate(address, size);

    public void Free(nint address) => allocator.Free(address);
}

internal readonly struct DualTarget(DualPoolAllocator allocator) : IReplayTarget
{
    public void Settle()
    {
    }

    public nint Allocate(nuint size) => allocator.Allocate(size);

    public nint AllocateZeroed(nuint size) => allocator.Allocate(size, MemoryAllocator.DefaultAlignment, AllocationOptions.Zeroed);

    public nint AllocateAligned(nuint size, nuint alignment) => allocator.Allocate(size, alignment);

    public nint Reallocate(nint address, nuint size) => allocator.Reallocate(address, size);

    public void Free(nint address) => allocator.Free(address);
}

/// <summary>Slabs by the thread's own heap, as a program with a loop like this would use them.</summary>
internal unsafe struct ThreadHeapTarget(SizeClassAllocator allocator) : IReplayTarget
{
    // The parts of a ThreadHeap, which may not be a field: a loop keeps them in registers, as it keeps a ThreadHeap.
    private SlabHeap* _heap;
    private long _id;

    public void Settle()
    {
        _heap = allocator.HeapOfThisThread();
        _id = allocator.Id;
    }

    public readonly nint Allocate(nuint size) => Heap.Allocate(size);

    public readonly nint AllocateZeroed(nuint size) => Heap.AllocateZeroed(size);

    public readonly nint AllocateAligned(nuint size, nuint alignment) => allocator.Allocate(size, alignment);

    public readonly nint Reallocate(nint address, nuint size) => Heap.Reallocate(address, size);

    public readonly void Free(nint address) => Heap.Free(address);

    private readonly ThreadHeap Heap => new(allocator, _heap, _id);
}

/// <summary>Slabs by calls that look the thread's heap up each time.</summary>
internal readonly struct SizeClassTarget(SizeClassAllocator allocator) : IReplayTarget
{
    public void Settle()
    {
    }

    public nint Allocate(nuint size) => allocator.Allocate(size);

    public nint AllocateZeroed(nuint size) => allocator.Allocate(size, MemoryAllocator.DefaultAlignment, AllocationOptions.Zeroed);

    public nint AllocateAligned(nuint size, nuint alignment) => allocator.Allocate(size, alignment);

    public nint Reallocate(nint address, nuint size) => allocator.Reallocate(address, size);

    public void Free(nint address) => allocator.Free(address);
}

internal readonly struct SegregatedTarget(SegregatedAllocator allocator) : IReplayTarget
{
    public void Settle()
    {
    }

    public nint Allocate(nuint size) => allocator.Allocate(size);

    public nint AllocateZeroed(nuint size) => allocator.Allocate(size, MemoryAllocator.DefaultAlignment, AllocationOptions.Zeroed);

    public nint AllocateAligned(nuint size, nuint alignment) => allocator.Allocate(size, alignment);

    public nint Reallocate(nint address, nuint size) => allocator.Reallocate(address, size);

    public void Free(nint address) => allocator.Free(address);
}

internal readonly struct TreeZoneTarget(TreeZoneAllocator allocator) : IReplayTarget
{
    public void Settle()
    {
    }

    public nint Allocate(nuint size) => allocator.Allocate(size);

    public nint AllocateZeroed(nuint size) => allocator.Allocate(size, MemoryAllocator.DefaultAlignment, AllocationOptions.Zeroed);

    public nint AllocateAligned(nuint size, nuint alignment) => allocator.Allocate(size, alignment);

    public nint Reallocate(nint address, nuint size) => allocator.Reallocate(address, size);

    public void Free(nint address) => allocator.Free(address);
}

internal readonly struct LargeObjectTarget(LargeObjectAllocator allocator) : IReplayTarget
{
    public void Settle()
    {
    }

    public nint Allocate(nuint size) => allocator.Allocate(size);

    public nint AllocateZeroed(nuint size) => allocator.Allocate(size, MemoryAllocator.DefaultAlignment, AllocationOptions.Zeroed);

    public nint AllocateAligned(nuint size, nuint alignment) => allocator.Allocate(size, alignment);

    public nint Reallocate(nint address, nuint size) => allocator.Reallocate(address, size);

    public void Free(nint address) => allocator.Free(address);
}

/// <summary>The system's <c>malloc</c> through the runtime.</summary>
internal readonly unsafe struct NativeTarget : IReplayTarget
{
    public void Settle()
    {
    }

    public nint Allocate(nuint size) => (nint)NativeMemory.Alloc(size);

    public nint AllocateZeroed(nuint size) => (nint)NativeMemory.AllocZeroed(size);

    // On Unix the runtime's aligned blocks come from the same heap as all others, so that one free serves both; on Windows they do not, and alignment is left out.
    public nint AllocateAligned(nuint size, nuint alignment) => OperatingSystem.IsWindows() ? Allocate(size) : (nint)NativeMemory.AlignedAlloc(size, alignment);

    public nint Reallocate(nint address, nuint size) => (nint)NativeMemory.Realloc((void*)address, size);

    public void Free(nint address) => NativeMemory.Free((void*)address);
}

/// <summary>Nothing at all: what is left is the replay's own cost. Every block is the same one, so touching it costs no miss.</summary>
internal readonly struct EmptyTarget(nint block) : IReplayTarget
{
    public void Settle()
    {
    }

    // Not inlined, since an allocator's call is not either.
    [MethodImpl(MethodImplOptions.NoInlining)]
    public nint Allocate(nuint size) => block;

    public nint AllocateZeroed(nuint size) => Allocate(size);

    public nint AllocateAligned(nuint size, nuint alignment) => Allocate(size);

    public nint Reallocate(nint address, nuint size) => Allocate(size);

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void Free(nint address)
    {
        // Giving nothing back is the point.
    }
}
