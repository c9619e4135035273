using System.Buffers;

namespace DimensionStore.Memory;

/// <summary>The other shapes a block can have: span, <see cref="IMemoryOwner{T}"/>, guard.</summary>
public static class AllocatorExtensions
{
    /// <summary>Allocates a block that a <c>using</c> statement gives back.</summary>
    public static BlockGuard AllocateGuarded(this MemoryAllocator allocator, nuint size, nuint alignment = MemoryAllocator.DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        return new BlockGuard(allocator, allocator.Allocate(size, alignment, options, owner), checked((long)size));
    }

    /// <summary>Allocates a block as <see cref="IMemoryOwner{T}"/>; disposing the owner frees it.</summary>
    /// <param name="allocator">Where the block comes from; must outlive the owner.</param>
    /// <param name="size">Bytes; at most <see cref="int.MaxValue"/>, the limit of <see cref="Memory{T}"/>.</param>
    /// <param name="options">Zeroing, growth.</param>
    /// <param name="owner">Tag for accounting.</param>
    /// <param name="alignment">A power of two, in bytes.</param>
    public static IMemoryOwner<byte> AllocateMemory(this MemoryAllocator allocator, int size, AllocationOptions options = AllocationOptions.None, OwnerId owner = default, nuint alignment = MemoryAllocator.DefaultAlignment)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(size);

        // The manager first: where the GC heap is full, no block has been taken yet.
        AllocatedMemoryManager manager = new(allocator, size);
        manager.Take(allocator.Allocate((nuint)size, alignment, options, owner));
        return manager;
    }

    /// <summary>The outermost layer of a type around an allocator, or null; the allocator itself counts.</summary>
    public static TLayer? FindLayer<TLayer>(this MemoryAllocator allocator)
        where TLayer : AllocatorLayer
    {
        ArgumentNullException.ThrowIfNull(allocator);
        MemoryAllocator? current = allocator;
        while (current is not null and not TLayer)
        {
            current = (current as AllocatorLayer)?.Inner;
        }

        return (TLayer?)current;
    }

    /// <summary>Views a live block as a span. The span is valid until the block is freed.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative or more than the block's usable size.</exception>
    public static unsafe Span<byte> AsSpan(this MemoryAllocator allocator, nint address, int length)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((nuint)length, allocator.UsableSize(address), nameof(length));
        return new Span<byte>((void*)address, length);
    }

    /// <summary>Views a part of a live block as a span, which may lie behind what one span from the block's start can reach. The span is valid until the block is freed.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="length"/> is negative, or the part ends behind the block's usable size.</exception>
    public static unsafe Span<byte> AsSpan(this MemoryAllocator allocator, nint address, nuint offset, int length)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        nuint usable = allocator.UsableSize(address);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, usable);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((nuint)length, usable - offset, nameof(length));
        return new Span<byte>((byte*)address + offset, length);
    }
}
