using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Allocators;

public sealed class LargeObjectAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => new LargeObjectAllocator(new LargeObjectOptions { CapacityBytes = 4 << 20, Budget = new MemoryBudget("test", 7 << 19) });

    protected override int LargestSize => 1 << 20;
}

public sealed class CatalogLargeObjectAllocatorModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () => AllocatorCatalog.Create("large", new AllocatorSettings { CapacityBytes = 64 << 20 });

    protected override int LargestSize => 4 << 20;
}

[Collection(nameof(Native.AloneInTheProcess))]
public sealed unsafe class LargeObjectAllocatorTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public void Freed_memory_goes_back_at_once()
    {
        using LargeObjectAllocator large = new();
        List<nint> blocks = [];
        for (int i = 1; i <= 30; i++)
        {
            nint block = large.Allocate((nuint)((i * MiB) + (i * 5000)));
            blocks.Add(block);
            Assert.Equal(large.GetStatistics().LiveBytes, large.GetStatistics().CommittedBytes);
        }

        foreach (nint block in blocks)
        {
            large.Free(block);
            Assert.Equal(large.GetStatistics().LiveBytes, large.GetStatistics().CommittedBytes);
        }

        Assert.True(large.AreasForTest[0].IsWhole());
        Assert.True(large.CheckIntegrity().IsIntact);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(70_001)]
    [InlineData(3_000_000)]
    public void A_block_freed_twice_is_named_with_the_size_and_owner_of_its_last_life(int size)
    {
        using LargeObjectAllocator large = new();
        nint block = large.Allocate((nuint)size, owner: new OwnerId(7));
        large.Free(block);
        MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => large.Free(block));
        Assert.Equal((MemoryFault.DoubleFree, (long)size, new OwnerId(7)), (fault.Fault, fault.SizeBytes, fault.Owner));
    }

    [Fact]
    public void Resident_memory_follows_the_live_blocks()
    {
        using LargeObjectAllocator large = new(new LargeObjectOptions { CapacityBytes = 1L << 30 });
        long before = Native.VirtualMemoryTests.ResidentBytes();
        nint first = large.Allocate(48 * MiB);
        nint second = large.Allocate(16 * MiB);
        Assert.InRange(Native.VirtualMemoryTests.ResidentBytes() - before, -8 * MiB, 8 * MiB);
        new Span<byte>((void*)first, 48 * MiB).Fill(1);
        new Span<byte>((void*)second, 16 * MiB).Fill(1);
        Assert.InRange(Native.VirtualMemoryTests.ResidentBytes() - before, 56 * MiB, 80 * MiB);
        large.Free(first);
        Assert.InRange(Native.VirtualMemoryTests.ResidentBytes() - before, 8 * MiB, 24 * MiB);
        Assert.Equal(1, ((byte*)second)[16 * MiB - 1]);
    }

    [Fact]
    public void Zeroed_block_needs_no_clearing_and_is_zero_also_where_one_was_before()
    {
        using LargeObjectAllocator large = new();
        nint block = large.Allocate(MiB);
        new Span<byte>((void*)block, MiB).Fill(0xFF);
        large.Free(block);
        Assert.Equal(block, large.Allocate(MiB, options: AllocationOptions.Zeroed));
        Assert.Equal(-1, new ReadOnlySpan<byte>((void*)block, MiB).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Usable_size_is_whole_pages_and_a_block_stays_in_place_when_they_suffice()
    {
        using LargeObjectAllocator large = new();
        nint block = large.Allocate(100_000);
        nuint pages = (nuint)((100_000 + VirtualMemory.PageSize - 1) / VirtualMemory.PageSize * VirtualMemory.PageSize);
        Assert.Equal(pages, large.UsableSize(block));
        Assert.Equal(block, large.Reallocate(block, pages));
        Assert.Equal(block, large.Reallocate(block, 50_000));
        large.FreeSized(block, 50_000);
        Assert.Equal(0, large.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void Capacity_counts_what_is_committed_and_not_where_it_lies()
    {
        using LargeObjectAllocator large = new(new LargeObjectOptions { CapacityBytes = 8 * MiB });
        nint[] blocks = [.. Enumerable.Range(0, 8).Select(_ => large.Allocate(MiB))];
        Assert.Throws<LimitExceededException>(() => large.Allocate(1));
        for (int i = 0; i < 8; i += 2)
        {
            large.Free(blocks[i]);
        }

        // No 4 MiB lie side by side where the first blocks were: there is more address space than memory.
        large.Allocate(4 * MiB);
        Assert.Equal(8 * MiB, large.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void Huge_pages_are_asked_for_where_the_system_has_them()
    {
        using LargeObjectAllocator large = new(new LargeObjectOptions { UseHugePages = true });
        Assert.True(OperatingSystem.IsLinux() || large.HugePages == HugePageResult.NotSupported);
        nint small = large.Allocate(5000);
        nint block = large.Allocate(8 * MiB, owner: new OwnerId(1));
        if (large.HugePages == HugePageResult.Advised)
        {
            Assert.Equal(0, block % (nint)VirtualMemory.HugePageSize);
        }

        new Span<byte>((void*)block, 8 * MiB).Fill(3);
        Assert.Throws<ArgumentOutOfRangeException>(() => large.Allocate(8 * MiB, 24));
        large.Free(block);
        large.Free(small);
        Assert.Equal(0, large.GetStatistics().CommittedBytes);
        using LargeObjectAllocator without = new();
        Assert.Equal(HugePageResult.NotSupported, without.HugePages);
    }

    [Fact]
    public void Threads_that_free_each_others_blocks_lose_none()
    {
        using LargeObjectAllocator large = new(new LargeObjectOptions { CapacityBytes = 256 * MiB });
        AllocatorStress.Run(large, 500_000, steps: 4_000);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1L << 40)]
    public void Capacity_that_makes_no_sense_is_refused(long capacity)
        => Assert.Throws<ArgumentException>(() => new LargeObjectAllocator(new LargeObjectOptions { CapacityBytes = capacity }));
}
