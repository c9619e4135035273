namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>What a <see cref="ThreadHeap"/> can do by way of it, so that the model runs over it too. Each call takes its heap anew, on whichever thread it is.</summary>
internal sealed class ThreadHeapLayer(SizeClassAllocator inner) : AllocatorLayer(inner)
{
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
        => (alignment, options, owner.Value) switch
        {
            (DefaultAlignment, AllocationOptions.None, 0) => inner.ForThisThread().Allocate(size),
            (DefaultAlignment, AllocationOptions.Zeroed, 0) => inner.ForThisThread().AllocateZeroed(size),
            _ => inner.Allocate(size, alignment, options, owner),
        };

    public override void Free(nint address) => inner.ForThisThread().Free(address);

    public override nint Reallocate(nint address, nuint size, OwnerId owner = default)
        => owner.Value == 0 ? inner.ForThisThread().Reallocate(address, size) : inner.Reallocate(address, size, owner);
}
