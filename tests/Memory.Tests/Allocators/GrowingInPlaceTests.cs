using FsCheck;
using FsCheck.Fluent;

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

    [Theory]
    [InlineData(100)]
    [InlineData(1000)]
    [InlineData(2044)]
    [InlineData(2048)]
    [InlineData(2052)]
    [InlineData(6000)]
    public void Block_grows_through_free_pageblocks(int startKiB)
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 64 * MiB });
        nint block = buddy.Allocate((nuint)startKiB * KiB);
        new Span<byte>((void*)block, startKiB * KiB).Fill(0x5A);
        foreach (int size in new[] { 2044, 2048, 2052, 4096, 4100, 8188, 16 * KiB, 30_000, 62 * KiB, 64 * KiB })
        {
            if (size > startKiB)
            {
                Assert.True(buddy.TryResizeInPlace(block, (nuint)size * KiB));
                Assert.True(buddy.CheckIntegrity().IsIntact);
                Assert.Equal((long)size * KiB, buddy.GetStatistics().RequestedBytes);
                *(byte*)(block + ((nint)size * KiB) - 1) = 0xA5;
            }
        }

        Assert.Equal(-1, new Span<byte>((void*)block, startKiB * KiB).IndexOfAnyExcept((byte)0x5A));
        Assert.False(buddy.TryResizeInPlace(block, 65 * MiB));
        Assert.True(buddy.TryResizeInPlace(block, 3 * MiB));
        nint other = buddy.Allocate(MiB);
        Assert.Equal(block + (3 * MiB), other);
        Assert.False(buddy.TryResizeInPlace(block, 5 * MiB));
        Assert.True(buddy.CheckIntegrity().IsIntact);
        buddy.Free(block);
        buddy.Free(other);
        Assert.True(buddy.AreasForTest[0].IsWhole());
    }

    [Fact]
    public void Blocks_that_grow_and_shrink_at_random_keep_what_they_hold_and_touch_no_other()
    {
        Prop.ForAll(Gen.Choose(1, int.MaxValue).ToArbitrary(), Holds).QuickCheckThrowOnFailure();

        static bool Holds(int seed)
        {
            const int Pageblock = 64 * KiB;
            Random random = new(seed);
            using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 4 * MiB, PageblockBytes = Pageblock, MinBlockBytes = random.Next(2) == 0 ? 64 : 4096, KeepIdleBytes = random.Next(3) * Pageblock });
            List<(nint Address, int Bytes, byte Fill)> live = [];
            for (int turn = 0; turn < 60; turn++)
            {
                int choice = random.Next(6);
                int at = live.Count > 0 ? random.Next(live.Count) : -1;
                int bytes = random.Next(4) == 0 ? random.Next(1, 9) * Pageblock : random.Next(1, 8 * Pageblock);
                if (at < 0 || choice == 0)
                {
                    if (buddy.TryAllocate((nuint)bytes, out nint block, options: AllocationOptions.Zeroed))
                    {
                        Assert.Equal(-1, new Span<byte>((void*)block, bytes).IndexOfAnyExcept((byte)0));
                        live.Add((block, bytes, (byte)(turn + 1)));
                        new Span<byte>((void*)block, bytes).Fill((byte)(turn + 1));
                    }
                }
                else if (choice == 1)
                {
                    Assert.Equal(-1, new Span<byte>((void*)live[at].Address, live[at].Bytes).IndexOfAnyExcept(live[at].Fill));
                    buddy.Free(live[at].Address);
                    live.RemoveAt(at);
                }
                else
                {
                    (nint address, int old, byte fill) = live[at];
                    if (buddy.TryResizeInPlace(address, (nuint)bytes))
                    {
                        Assert.Equal(-1, new Span<byte>((void*)address, Math.Min(old, bytes)).IndexOfAnyExcept(fill));
                        new Span<byte>((void*)address, bytes).Fill(fill);
                        live[at] = (address, bytes, fill);
                    }
                }

                Assert.Empty(buddy.CheckIntegrity().Violations);
            }

            foreach ((nint address, int bytes, byte fill) in live)
            {
                Assert.Equal(-1, new Span<byte>((void*)address, bytes).IndexOfAnyExcept(fill));
                buddy.FreeSized(address, (nuint)bytes);
            }

            return buddy.AreasForTest[0].IsWhole() && buddy.CheckIntegrity().IsIntact;
        }
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
