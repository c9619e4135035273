using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Pages of new blocks that nobody has used: zero, and without memory until somebody writes.</summary>
public sealed unsafe class CleanRunTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public void Zeroed_block_across_used_and_unused_pages_is_zeroed_where_it_was_used()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Skip("Resident bytes of a range are known on Linux alone.");
        }

        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 16 * MiB });
        nint used = buddy.Allocate(MiB);
        NativeMemory.Fill((void*)used, MiB, 0xAB);
        buddy.Free(used);
        nint block = buddy.Allocate(4 * MiB, MiB, AllocationOptions.Zeroed);
        Assert.Equal(used, block);
        Assert.Equal(MiB, VirtualMemory.ResidentBytes(block, 4 * MiB));
        Assert.Equal(-1, new Span<byte>((void*)block, 4 * MiB).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Blocks_of_many_pageblocks_go_back_in_runs_and_come_back_zero()
    {
        Prop.ForAll(Gen.Choose(1, int.MaxValue).ToArbitrary(), Holds).QuickCheckThrowOnFailure();

        static bool Holds(int seed)
        {
            const int Pageblock = 64 << 10;
            Random random = new(seed);
            using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 8 * MiB, PageblockBytes = Pageblock, KeepIdleBytes = random.Next(3) * Pageblock });
            List<nint> live = [];
            for (int turn = 0; turn < 40; turn++)
            {
                if (live.Count > 0 && random.Next(5) < 2)
                {
                    int at = random.Next(live.Count);
                    buddy.Free(live[at]);
                    live.RemoveAt(at);
                    Assert.True(buddy.CheckIntegrity().IsIntact);
                }

                int bytes = random.Next(1, 12 * Pageblock);
                if (buddy.TryAllocate((nuint)bytes, out nint block, options: AllocationOptions.Zeroed))
                {
                    live.Add(block);
                    Span<byte> whole = new((void*)block, bytes);
                    Assert.Equal(-1, whole.IndexOfAnyExcept((byte)0));
                    whole[..random.Next(bytes)].Fill(0xAB);
                }
            }

            live.ForEach(buddy.Free);
            buddy.Trim();
            Assert.Equal(0, buddy.GetStatistics().CommittedBytes);
            return buddy.UsedBytes == 0;
        }
    }

    [Fact]
    public void Zeroed_blocks_are_zero_whatever_was_used_and_given_back_before()
    {
        Prop.ForAll(Gen.Choose(1, int.MaxValue).ToArbitrary(), Holds).QuickCheckThrowOnFailure();

        static bool Holds(int seed)
        {
            Random random = new(seed);
            using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 32 * MiB, MinBlockBytes = 4096, KeepIdleBytes = 0 });
            List<(nint Address, int Bytes)> live = [];
            for (int turn = 0; turn < 60; turn++)
            {
                if (live.Count > 0 && random.Next(3) == 0)
                {
                    int at = random.Next(live.Count);
                    buddy.Free(live[at].Address);
                    live.RemoveAt(at);
                }

                if (random.Next(10) == 0)
                {
                    buddy.Trim();
                }

                int bytes = random.Next(1, random.Next(2) == 0 ? 20_000 : 3 * MiB);
                if (buddy.TryAllocate((nuint)bytes, out nint block, options: AllocationOptions.Zeroed))
                {
                    live.Add((block, bytes));
                    Span<byte> whole = new((void*)block, bytes);
                    if (whole.IndexOfAnyExcept((byte)0) >= 0)
                    {
                        return false;
                    }

                    whole[..random.Next(bytes)].Fill(0xCD);
                }
            }

            return buddy.CheckIntegrity().IsIntact;
        }
    }

    [Fact]
    public void Control_blocks_that_need_not_be_zero_are_not()
    {
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 16 * MiB });
        nint used = buddy.Allocate(MiB);
        NativeMemory.Fill((void*)used, MiB, 0xAB);
        buddy.Free(used);
        Assert.Equal(0xAB, *(byte*)buddy.Allocate(4 * MiB, MiB));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Block_that_has_to_move_keeps_its_bytes_whether_its_new_pages_were_used_or_not(bool areUsed)
    {
        using GeneralAllocator general = new();
        if (areUsed)
        {
            // In the order in which they will be needed: the old block, one behind it that keeps it from growing, and the new one.
            nint all = general.Allocate(8 * MiB);
            NativeMemory.Fill((void*)all, 8 * MiB, 0xEE);
            general.Free(all);
        }

        nint block = general.Allocate(MiB);
        nint behind = general.Allocate(MiB);
        for (int i = 0; i < MiB; i++)
        {
            ((byte*)block)[i] = (byte)(i * 7);
        }

        nint moved = general.Reallocate(block, 3 * MiB);
        Assert.NotEqual(block, moved);
        for (int i = 0; i < MiB; i++)
        {
            Assert.Equal((byte)(i * 7), ((byte*)moved)[i]);
        }

        general.Free(behind);
        general.Free(moved);
        Assert.True(general.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Longest_run_counts()
    {
        Assert.Equal(0u, new CleanRun(8192, 4096).Bytes);
        Assert.Equal(4096u, new CleanRun(4096, 8192).Bytes);
        Assert.True(new CleanRun(0, 8192).Covers(8192));
        Assert.False(new CleanRun(0, 8192).Covers(8193));
        Assert.False(new CleanRun(4096, 8192).Covers(4096));
    }
}
