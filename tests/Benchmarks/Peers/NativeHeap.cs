using System.Runtime.InteropServices;
using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Peers;

/// <summary>
/// A C allocator as the system ships it, called by function pointer without the runtime's transition to preemptive mode: the least that a call from .NET can cost.
/// </summary>
internal readonly unsafe struct NativeHeap : IReplayTarget
{
    private readonly delegate* unmanaged[SuppressGCTransition]<nuint, nint> _allocate;
    private readonly delegate* unmanaged[SuppressGCTransition]<nuint, nuint, nint> _allocateZeroed;
    private readonly delegate* unmanaged[SuppressGCTransition]<nuint, nuint, nint> _allocateAligned;
    private readonly delegate* unmanaged[SuppressGCTransition]<nint, nuint, nint> _reallocate;
    private readonly delegate* unmanaged[SuppressGCTransition]<nint, void> _free;

    private NativeHeap(nint library, string prefix)
    {
        _allocate = (delegate* unmanaged[SuppressGCTransition]<nuint, nint>)NativeLibrary.GetExport(library, prefix + "malloc");
        _allocateZeroed = (delegate* unmanaged[SuppressGCTransition]<nuint, nuint, nint>)NativeLibrary.GetExport(library, prefix + "calloc");
        _allocateAligned = (delegate* unmanaged[SuppressGCTransition]<nuint, nuint, nint>)NativeLibrary.GetExport(library, prefix + "aligned_alloc");
        _reallocate = (delegate* unmanaged[SuppressGCTransition]<nint, nuint, nint>)NativeLibrary.GetExport(library, prefix + "realloc");
        _free = (delegate* unmanaged[SuppressGCTransition]<nint, void>)NativeLibrary.GetExport(library, prefix + "free");
    }

    /// <summary>mimalloc (package libmimalloc2.0).</summary>
    public static NativeHeap? Mimalloc { get; } = Load("libmimalloc.so.2", "mi_");

    /// <summary>jemalloc (package libjemalloc2).</summary>
    public static NativeHeap? Jemalloc { get; } = Load("libjemalloc.so.2", "");

    public void Settle()
    {
    }

    public nint Allocate(nuint size) => _allocate(size);

    public nint AllocateZeroed(nuint size) => _allocateZeroed(1, size);

    public nint AllocateAligned(nuint size, nuint alignment) => _allocateAligned(alignment, size);

    public nint Reallocate(nint address, nuint size) => _reallocate(address, size);

    public void Free(nint address) => _free(address);

    // A library that is there and cannot be loaded beside the C library's own allocator, for lack of static thread storage, counts as absent.
    private static NativeHeap? Load(string name, string prefix) => NativeLibrary.TryLoad(name, out nint library) ? new NativeHeap(library, prefix) : null;
}
