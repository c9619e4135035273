namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Spans over parts of blocks.</summary>
public sealed class BlockPartTests
{
    private static readonly nuint Size = 3_000_000_000;

    [Fact]
    public void A_part_behind_two_gibibytes_is_the_memory_at_that_offset()
    {
        using LargeObjectAllocator allocator = new(new LargeObjectOptions { CapacityBytes = 4L << 30 });
        nint block = allocator.Allocate(Size);

        allocator.AsSpan(block, 2_900_000_000, 4).Fill(7);

        Assert.Equal([7, 7, 7, 0], allocator.AsSpan(block, 2_900_000_001, 4).ToArray());
        Assert.Equal([7], allocator.AsSpan(block, 2_900_000_003, 1).ToArray());
    }

    [Fact]
    public void A_part_that_is_not_in_the_block_is_refused()
    {
        using PoolAllocator allocator = new([new PoolConfig(4096, 64 << 10)], 64 << 10);
        nint block = allocator.Allocate(4096);

        Assert.Equal(0, allocator.AsSpan(block, 4096, 0).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.AsSpan(block, 4096, 1).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.AsSpan(block, 4097, 0).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.AsSpan(block, nuint.MaxValue, 2).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.AsSpan(block, 0, -1).Length);
    }
}
