namespace DimensionStore.Memory.Tests.Allocators;

public sealed unsafe class GeneralAllocatorTests
{
    private const long MiB = 1 << 20;

    // From 1 to 4 KiB, eight to each doubling.
    private const int SizesInTurn = 17;

    [Fact]
    public void Small_blocks_come_from_slabs_and_large_ones_are_whole_pages()
    {
        using GeneralAllocator general = new();
        Assert.Equal((nuint)112, general.UsableSize(general.Allocate(100)));
        Assert.Equal((nuint)32768, general.UsableSize(general.Allocate(32_768)));
        Assert.Equal((nuint)36864, general.UsableSize(general.Allocate(32_769)));
        nint aligned = general.Allocate(100_000, 1 << 20);
        Assert.Equal(0, aligned % (1 << 20));
        Assert.Contains(general.GetGroups(), group => group.Name == "pages" && group.LiveBlocks == 2);
        Assert.True(general.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Both_parts_share_one_limit_and_make_room_for_each_other()
    {
        MemoryBudget budget = new("shared", 100 * MiB);
        using GeneralAllocator general = new(8 * MiB, budget);
        List<nint> blocks = [];
        while (general.TryAllocate(1000, out nint address))
        {
            blocks.Add(address);
        }

        Assert.Equal((nint)(8 * MiB), (nint)general.GetStatistics().CommittedBytes);
        LimitExceededException full = Assert.Throws<LimitExceededException>(() => general.Allocate(1_000_000));
        Assert.Equal(("GeneralAllocator limit", 8 * MiB), (full.LimitName, full.LimitBytes));
        blocks.ForEach(general.Free);
        nint large = general.Allocate(7_000_000);
        Assert.True(budget.UsedBytes <= 8 * MiB);
        Action fill = () =>
        {
            while (true)
            {
                general.Allocate(1000);
            }
        };
        Assert.Throws<LimitExceededException>(fill);
        general.Free(large);
        general.Allocate(1000);
        Assert.Equal(general.GetStatistics().CommittedBytes, budget.UsedBytes);
        Assert.True(general.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Budget_around_the_limit_is_named_when_it_is_the_one_that_is_full()
    {
        MemoryBudget budget = new("shared", MiB);
        using GeneralAllocator general = new(64 * MiB, budget);
        Assert.Equal("shared", Assert.Throws<LimitExceededException>(() => general.Allocate((nuint)(2 * MiB))).LimitName);
        Assert.Equal(0, budget.UsedBytes - general.GetStatistics().CommittedBytes);
    }

    [Theory]
    [InlineData(100_000, 3_000_000)]
    [InlineData(3_000_000, 100_000)]
    [InlineData(100, 50_000)]
    [InlineData(50_000, 100)]
    [InlineData(70_001, 500_003)]
    public void Reallocation_keeps_the_bytes_whether_they_are_copied_or_their_pages_moved(int from, int to)
    {
        using GeneralAllocator general = new();
        general.Allocate(40_000);
        nint address = general.Allocate((nuint)from);
        general.Allocate(40_000);
        for (int i = 0; i < from; i++)
        {
            ((byte*)address)[i] = (byte)(i * 7);
        }

        nint moved = general.Reallocate(address, (nuint)to);
        int kept = Math.Min(from, to);
        for (int i = 0; i < kept; i++)
        {
            Assert.Equal((byte)(i * 7), ((byte*)moved)[i]);
        }

        new Span<byte>((void*)moved, to).Fill(1);
        nint zeroed = general.Allocate((nuint)from, options: AllocationOptions.Zeroed);
        Assert.Equal(-1, new ReadOnlySpan<byte>((void*)zeroed, from).IndexOfAnyExcept((byte)0));
        Assert.True(general.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Node_is_a_hint_and_still_checked()
    {
        using GeneralAllocator general = new();
        Assert.NotEqual(0, general.AllocateOnNode(100, -1));
        Assert.NotEqual(0, general.AllocateOnNode(100, 3, 256, AllocationOptions.Zeroed));
        Assert.Throws<ArgumentOutOfRangeException>(() => general.AllocateOnNode(100, -2));
    }

    [Fact]
    public void Memory_after_a_peak_goes_back_on_trim_also_when_an_idle_thread_had_it()
    {
        using GeneralAllocator general = new(256 * MiB);
        List<nint> blocks = [];
        using ManualResetEventSlim allocated = new();
        using ManualResetEventSlim leave = new();
        Thread idle = new(() =>
        {
            Random random = new(1);
            for (int i = 0; i < 50_000; i++)
            {
                blocks.Add(general.Allocate((nuint)(16 + random.Next(i % 500 == 0 ? 200_000 : 2_000))));
            }

            allocated.Set();
            leave.Wait(TestContext.Current.CancellationToken);
        });
        idle.Start();
        allocated.Wait(TestContext.Current.CancellationToken);
        long peak = general.GetStatistics().LiveBytes;
        for (int i = 0; i < blocks.Count; i++)
        {
            if (i >= 500)
            {
                general.Free(blocks[i]);
            }
        }

        general.Trim();
        AllocatorStatistics after = general.GetStatistics();
        Assert.True(after.PeakLiveBytes >= peak);
        Assert.Equal(500, after.LiveBlocks);
        Assert.True(after.CommittedBytes < after.LiveBytes + (4 * MiB), $"{after.CommittedBytes:N0} bytes are committed for {after.LiveBytes:N0}.");
        leave.Set();
        idle.Join();
    }

    [Fact]
    public void Threads_that_exchange_blocks_of_all_sizes_lose_and_invent_nothing()
    {
        using GeneralAllocator general = new(64 * MiB, new MemoryBudget("test", 48 * MiB));
        AllocatorStress.Run(general, 300_000);
        Assert.True(general.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Survivors_of_a_peak_keep_their_contents_while_the_pages_around_them_go()
    {
        using GeneralAllocator general = new(256 * MiB);
        nint[] blocks = [.. Enumerable.Range(0, 20_000).Select(_ => general.Allocate(700))];
        for (int i = 0; i < blocks.Length; i++)
        {
            new Span<byte>((void*)blocks[i], 700).Fill((byte)i);
        }

        for (int i = 0; i < blocks.Length; i++)
        {
            if (i % 12 != 0)
            {
                general.Free(blocks[i]);
            }
        }

        for (int i = 0; i < 20_000; i++)
        {
            general.Allocate(300);
        }

        for (int i = 0; i < blocks.Length; i += 12)
        {
            Assert.Equal(-1, new ReadOnlySpan<byte>((void*)blocks[i], 700).IndexOfAnyExcept((byte)i));
        }

        Assert.True(general.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Sizes_that_nobody_uses_any_more_give_their_slabs_to_those_that_grow()
    {
        using GeneralAllocator general = new(64 << 20);
        for (int round = 0; round < 100; round++)
        {
            OneOfEachSize(general);
        }

        Assert.Equal(SizesInTurn, general.GetGroups().Count(IsEmpty));
        long used = SlabBytes(general);
        while (general.GetGroups().Any(IsEmpty))
        {
            general.Allocate(64);
        }

        Assert.InRange(SlabBytes(general), 1, used + (1 << 20));
        Assert.True(general.CheckIntegrity().IsIntact);
        general.Reset();
    }

    [Fact]
    public void Sizes_that_are_used_in_turn_have_a_slab_each_in_the_end()
    {
        using GeneralAllocator general = new(64 << 20);
        OneOfEachSize(general);
        Assert.InRange(general.GetGroups().Count(IsEmpty), 1, SizesInTurn - 1);
        for (int round = 0; round < 100; round++)
        {
            OneOfEachSize(general);
        }

        for (int round = 0; round < 10; round++)
        {
            OneOfEachSize(general);
            Assert.Equal(SizesInTurn, general.GetGroups().Count(IsEmpty));
        }
    }

    private static bool IsEmpty(AllocatorGroup group) => group.LiveBlocks == 0 && group.CommittedBytes > 0 && group.Name != "pages";

    private static long SlabBytes(GeneralAllocator general) => general.GetGroups().Where(static group => group.Name != "pages").Sum(static group => group.CommittedBytes);

    private static void OneOfEachSize(GeneralAllocator general)
    {
        for (nuint size = 1024; size <= 4096; size += 64)
        {
            general.Free(general.Allocate(size));
        }
    }

    [Fact]
    public void Pages_that_are_wanted_again_soon_are_kept()
    {
        using GeneralAllocator general = new(256 << 20);
        List<long> idle = [];
        for (int round = 0; round < 50; round++)
        {
            general.Free(general.Allocate(8 << 20));
            idle.Add(general.GetStatistics().IdleBytes);
        }

        // The first time most of it goes back, as after any peak.
        Assert.True(idle[0] < 8 << 20, $"{idle[0]:N0} bytes were kept at first.");
        Assert.True(idle[^1] >= 8 << 20, $"{idle[^1]:N0} bytes are kept at last.");
        general.Trim();
        Assert.Equal(0, general.GetStatistics().IdleBytes);
        general.Free(general.Allocate(8 << 20));
        Assert.True(general.GetStatistics().IdleBytes < 8 << 20);
    }
}
