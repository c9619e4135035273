namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>How near <see cref="BlockInfo.RequestedBytes"/> is to what was asked for, as README.md of the allocators says.</summary>
public sealed class RequestedBytesTests
{
    public static TheoryData<string> Kinds() => [.. AllocatorCatalog.All.Select(kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_lies_between_what_was_asked_for_and_what_the_block_has(string name)
    {
        using MemoryAllocator allocator = AllocatorCatalog.Create(name);
        var asked = new Dictionary<nint, long>();
        foreach (nuint alignment in new nuint[] { 16, 256, 4096 })
        {
            foreach (long size in Sizes())
            {
                asked.Add(allocator.Allocate((nuint)size, alignment), size);
            }
        }

        long sum = 0;
        foreach (BlockInfo block in allocator.EnumerateBlocks())
        {
            Assert.InRange(block.RequestedBytes, asked[block.Address], block.UsableBytes);
            sum += block.RequestedBytes;
        }

        Assert.Equal(sum, allocator.GetStatistics().RequestedBytes);
    }

    [Theory]
    [InlineData("general", 1, 2048)]
    [InlineData("slab", 1, 2048)]
    [InlineData("pool", 1, 100_000)]
    [InlineData("dual", 1, 100_000)]
    [InlineData("buddy", 1, 100_000)]
    [InlineData("zone", 1, 100_000)]
    [InlineData("large", 1, 100_000)]
    public void It_is_exact_where_the_readme_says_so(string name, long from, long to)
    {
        using MemoryAllocator allocator = AllocatorCatalog.Create(name);
        foreach (long size in Sizes().Where(size => size >= from && size <= to))
        {
            allocator.Allocate((nuint)size);
            Assert.Equal(size, Assert.Single(allocator.EnumerateBlocks()).RequestedBytes);
            allocator.Reset();
        }
    }

    [Theory]
    [InlineData("general", 4001, 16, 4002)]
    [InlineData("slab", 20_001, 16, 20_016)]
    [InlineData("general", 10, 4096, 3842)]
    [InlineData("tree", 1, 16, 16)]
    [InlineData("segregated", 100, 16, 112)]
    public void It_is_rounded_up_as_the_readme_says(string name, int size, int alignment, long expected)
    {
        using MemoryAllocator allocator = AllocatorCatalog.Create(name);
        allocator.Allocate((nuint)size, (nuint)alignment);
        Assert.Equal(expected, Assert.Single(allocator.EnumerateBlocks()).RequestedBytes);
        Assert.Equal(expected, allocator.GetStatistics().RequestedBytes);
    }

    private static IEnumerable<long> Sizes() => Enumerable.Range(1, 200).Select(size => (long)size).Concat([250, 255, 256, 257, 1000, 1023, 2047, 2048, 2049, 4001, 10_000, 20_001, 32_768, 32_769, 50_000, 65_537, 100_000]);
}
