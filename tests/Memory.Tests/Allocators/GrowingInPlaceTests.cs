namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Blocks that become longer where they are, also where the memory behind them has to be committed first.</summary>
public sealed unsafe class GrowingInPlaceTests
{
    private const int KiB = 1 << 10;
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData(100 * KiB)]
    [InlineData((2 * MiB) + (100 * KiB))]
    [InlineData((6 * MiB) + (4 * KiB))]
    public void Block_grows_to_the_end_of_its_pageblock_step_by_step(int start)
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 64 * MiB });
        nint block = buddy.Allocate((nuint)start);
        new Span<byte>((void*)block, start).Fill(0x5A);
        int end = (start + (2 * MiB) - 1) / (2 * MiB) * 2 * MiB;
        for (int size = start + (4 * KiB); size < end; size += 4 * KiB)
        {
            Assert.Equal(block, buddy.Reallocate(block, (nuint)size));
            *(byte*)(block + size - 1) = 0xA5;
            Assert.Equal((nuint)size, (nuint)buddy.GetStatistics().RequestedBytes);
        }

        Assert.Equal(-1, new Span<byte>((void*)block, start).IndexOfAnyExcept((byte)0x5A));
        Assert.True(buddy.CheckIntegrity().IsIntact);
        AllocatorStatistics statistics = buddy.GetStatistics();
        Assert.Equal((1, 1, 0), (statistics.LiveBlocks, statistics.AllocationCount, statistics.FreeCount));
        buddy.Free(block);
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => buddy.Free(block)).Fault);
        Assert.True(buddy.AreasForTest[0].IsWhole());
        Assert.True(buddy.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Block_moves_where_another_lies_behind_it()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 64 * MiB });
        nint block = buddy.Allocate((2 * MiB) + (100 * KiB));
        nint behind = buddy.Allocate(100 * KiB);
        Assert.Equal(block + (2 * MiB) + (100 * KiB), behind);
        nint moved = buddy.Reallocate(block, (2 * MiB) + (104 * KiB));
        Assert.NotEqual(block, moved);
        Assert.True(buddy.CheckIntegrity().IsIntact);
        buddy.Free(behind);
        buddy.Free(moved);
        Assert.True(buddy.AreasForTest[0].IsWhole());
    }

    [Fact]
    public void Growth_that_limit_and_budget_refuse_changes_nothing()
    {
        MemoryBudget budget = new("small", MiB);
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 64 * MiB, CommitAheadBytes = 0, Budget = budget });
        nint block = buddy.Allocate(900 * KiB);
        Assert.False(buddy.TryResizeInPlace(block, 1100 * KiB));
        Assert.Equal((900 * KiB, 900 * KiB), (buddy.GetStatistics().RequestedBytes, budget.UsedBytes));
        Assert.Throws<LimitExceededException>(() => buddy.Reallocate(block, 1100 * KiB));
        Assert.Equal((900 * KiB, 900 * KiB), (buddy.GetStatistics().RequestedBytes, budget.UsedBytes));
        Assert.Equal(block, buddy.Reallocate(block, MiB));
        Assert.Equal(MiB, budget.UsedBytes);
        Assert.True(buddy.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Growth_that_leaves_no_room_to_commit_ahead_commits_what_it_needs()
    {
        MemoryBudget budget = new("small", MiB + (8 * KiB));
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 64 * MiB, Budget = budget });
        nint block = buddy.Allocate(MiB);
        Assert.Equal(block, buddy.Reallocate(block, MiB + (8 * KiB)));
        Assert.Equal(MiB + (8 * KiB), budget.UsedBytes);
        Assert.Throws<LimitExceededException>(() => buddy.Reallocate(block, MiB + (12 * KiB)));
        Assert.Equal(MiB + (8 * KiB), budget.UsedBytes);
        Assert.True(buddy.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void What_is_charged_is_given_back_once_when_a_handler_throws_while_a_block_grows()
    {
        MemoryBudget budget = new("watched", 4 * MiB);
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 64 * MiB, CommitAheadBytes = 0, Budget = budget });
        nint block = buddy.Allocate(MiB);
        nint held = buddy.Allocate(2 * MiB);
        EventHandler<PressureChangedEventArgs> throws = (_, _) => throw new InvalidOperationException("handler");
        budget.PressureChanged += throws;
        Assert.Throws<InvalidOperationException>(() => buddy.TryResizeInPlace(block, (2 * MiB) - (4 * KiB)));
        budget.PressureChanged -= throws;
        Assert.Equal(buddy.GetStatistics().CommittedBytes, budget.UsedBytes);
        Assert.Equal(3 * MiB, buddy.GetStatistics().RequestedBytes);
        Assert.True(buddy.CheckIntegrity().IsIntact);
        buddy.Free(held);
    }

    [Fact]
    public void Buffer_that_grows_by_pages_moves_once_for_a_pageblock()
    {
        using GeneralAllocator general = new();
        nint block = general.Allocate(64 * KiB);
        int moves = 0;
        for (int size = 68 * KiB; size <= 16 * MiB; size += 4 * KiB)
        {
            *(int*)(block + size - (4 * KiB) - sizeof(int)) = size;
            nint now = general.Reallocate(block, (nuint)size);
            Assert.Equal(size, *(int*)(now + size - (4 * KiB) - sizeof(int)));
            moves += now != block ? 1 : 0;
            block = now;
        }

        Assert.InRange(moves, 0, 16);
        Assert.True(general.CheckIntegrity().IsIntact);
        general.Free(block);
        Assert.Equal(0, general.GetStatistics().LiveBytes);
    }
}
