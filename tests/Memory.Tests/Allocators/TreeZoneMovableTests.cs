using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Allocators;

public sealed unsafe class TreeZoneMovableTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void A_handle_of_another_allocator_is_foreign_and_frees_nothing()
    {
        using TreeZoneAllocator one = new();
        using TreeZoneAllocator other = new();
        MovableHandle mine = one.AllocateMovable(100, owner: new OwnerId(5));
        MovableHandle theirs = other.AllocateMovable(200);
        Assert.NotEqual(mine, theirs);
        Expect(() => other.Free(mine));
        Expect(() => other.UsableSize(mine));
        Expect(() => other.Pin(mine).Dispose());
        Assert.Equal((1L, 1L), (one.GetStatistics().LiveBlocks, other.GetStatistics().LiveBlocks));
        other.Free(theirs);
        one.Free(mine);
        MemoryFaultException twice = Assert.Throws<MemoryFaultException>(() => one.Free(mine));
        Assert.Equal((MemoryFault.DoubleFree, new OwnerId(5)), (twice.Fault, twice.Owner));

        static void Expect(Action action) => Assert.Equal(MemoryFault.ForeignFree, Assert.Throws<MemoryFaultException>(action).Fault);
    }

    [Fact]
    public void Defragmentation_keeps_contents_and_moves_neither_raw_nor_pinned_blocks()
    {
        using TreeZoneAllocator zones = new();
        Random random = new(7);
        List<(MovableHandle Handle, int Size, byte Fill)> movable = [];
        List<(nint Address, int Size, byte Fill)> fixedBlocks = [];
        for (int i = 0; i < 6_000; i++)
        {
            int size = 1 + random.Next(3_000);
            byte fill = (byte)random.Next(1, 256);
            if (i % 50 == 0)
            {
                nint raw = zones.Allocate((nuint)size, owner: new OwnerId(i));
                new Span<byte>((void*)raw, size).Fill(fill);
                fixedBlocks.Add((raw, size, fill));
                continue;
            }

            MovableHandle handle = zones.AllocateMovable((nuint)size, owner: new OwnerId(i));
            using MovablePin pin = zones.Pin(handle);
            new Span<byte>((void*)pin.Address, size).Fill(fill);
            movable.Add((handle, size, fill));
        }

        for (int i = movable.Count - 1; i >= 0; i--)
        {
            if (random.Next(100) < 60)
            {
                zones.Free(movable[i].Handle);
                movable.RemoveAt(i);
            }
        }

        MovablePin held = zones.Pin(movable[^1].Handle);
        nint heldAt = held.Address;
        AllocatorStatistics before = zones.GetStatistics();
        long owners = zones.EnumerateBlocks().Sum(block => (long)block.Owner.Value);
        TreeDefragmentation done = zones.Defragment();
        AllocatorStatistics after = zones.GetStatistics();
        IntegrityReport report = zones.CheckIntegrity();
        Assert.True(report.IsIntact, string.Join(Environment.NewLine, report.Violations));

        // Control: it did move, and it did recover.
        Assert.True(done.BlocksMoved > 500, $"{done.BlocksMoved} blocks were moved.");
        Assert.True(done.BytesRecovered > 0);
        Assert.Equal(before.CommittedBytes - before.IdleBytes - (after.CommittedBytes - after.IdleBytes), done.BytesRecovered);
        Assert.Equal(before.CommittedBytes - after.CommittedBytes, done.BytesDecommitted);
        Assert.True(before.ExternalFragmentation > 0.3, $"{before.ExternalFragmentation:P1}");
        Assert.True(after.ExternalFragmentation < 0.15, $"{after.ExternalFragmentation:P1}");
        Assert.Equal((true, TreeZoneError.None), (done.IsComplete, done.Error));
        Assert.Equal(100 * after.ExternalFragmentation, done.FragmentationPercent, 6);
        done.ThrowIfFailed();
        Assert.Equal((before.LiveBlocks, before.LiveBytes, before.AllocationCount, before.FreeCount, before.PeakLiveBytes), (after.LiveBlocks, after.LiveBytes, after.AllocationCount, after.FreeCount, after.PeakLiveBytes));

        // Of one block in 256, by its place, the size is not kept to the byte.
        Assert.InRange(after.RequestedBytes, before.RequestedBytes * 0.999, before.RequestedBytes * 1.001);
        Assert.Equal(owners, zones.EnumerateBlocks().Sum(block => (long)block.Owner.Value));

        foreach ((nint address, int size, byte fill) in fixedBlocks)
        {
            Assert.Equal(-1, new ReadOnlySpan<byte>((void*)address, size).IndexOfAnyExcept(fill));
            zones.FreeSized(address, (nuint)size);
        }

        Assert.Equal(-1, new ReadOnlySpan<byte>((void*)heldAt, movable[^1].Size).IndexOfAnyExcept(movable[^1].Fill));
        using (MovablePin again = zones.Pin(movable[^1].Handle))
        {
            Assert.Equal(heldAt, again.Address);
        }

        held.Dispose();
        foreach ((MovableHandle handle, int size, byte fill) in movable)
        {
            using (MovablePin pin = zones.Pin(handle))
            {
                Assert.Equal(-1, new ReadOnlySpan<byte>((void*)pin.Address, size).IndexOfAnyExcept(fill));
            }

            Assert.Equal((nuint)((size + 15) / 16 * 16), zones.UsableSize(handle));
            zones.Free(handle);
        }

        Assert.Equal(0, zones.GetStatistics().LiveBlocks);
        Assert.True(zones.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Raw_blocks_that_keep_memory_in_pieces_are_reported_and_not_moved()
    {
        using TreeZoneAllocator zones = new();
        List<nint> blocks = [];
        for (int i = 0; i < 4_000; i++)
        {
            blocks.Add(zones.AllocateAt(512, 5));
        }

        for (int i = 0; i < blocks.Count; i++)
        {
            if (i % 4 != 0)
            {
                zones.Free(blocks[i]);
            }
        }

        TreeDefragmentation none = zones.Defragment();
        Assert.Equal((0L, 0L, 0L, TreeZoneError.Fragmented), (none.BlocksMoved, none.BytesMoved, none.BytesRecovered, none.Error));
        Assert.Equal(TreeZoneError.Fragmented, Assert.Throws<TreeZoneException>(none.ThrowIfFailed).Error);
        Assert.All(blocks.Where((_, i) => i % 4 == 0), address => Assert.True(zones.Owns(address)));
    }

    [Fact]
    public void A_budget_ends_a_defragmentation_and_the_next_call_goes_on()
    {
        using TreeZoneAllocator zones = new();
        List<MovableHandle> handles = [];
        for (int i = 0; i < 4_000; i++)
        {
            handles.Add(zones.AllocateMovable(2_000, level: 6));
        }

        for (int i = 0; i < handles.Count; i += 2)
        {
            zones.Free(handles[i]);
        }

        // A tick is over before the first look at the clock.
        TreeDefragmentation first = zones.Defragment(TimeSpan.FromTicks(1));
        Assert.Equal((false, TreeZoneError.LatencyExceeded), (first.IsComplete, first.Error));
        Assert.Equal(TreeZoneError.LatencyExceeded, Assert.Throws<TreeZoneException>(first.ThrowIfFailed).Error);
        TreeDefragmentation last = zones.Defragment(TimeSpan.FromMinutes(10));
        Assert.True(last.IsComplete);
        Assert.True(last.BlocksMoved > 0);

        // The blocks lie side by side, but for what is left at the end of each membrane that they fill.
        int filled = zones.GetMembranes(6).Count(membrane => membrane.LiveBlocks > 0);
        Assert.InRange(filled, 6, 7);
        Assert.InRange(zones.GetZone(6).FreeBlocks, 1, filled);
        Assert.Equal(0, zones.Defragment().BlocksMoved);
        Assert.Throws<ArgumentOutOfRangeException>(() => zones.Defragment(TimeSpan.Zero));
    }

    [Fact]
    public void A_handle_that_is_not_there_is_refused_with_the_limit_and_who_asked()
    {
        using TreeZoneAllocator zones = new(new TreeZoneOptions { TotalBytes = TreeZoneAllocator.MinTotalBytes });
        OwnerId owner = new(7);
        AllocationFailedException? refusal = null;
        for (long i = 0; i <= TreeZoneAllocator.MinTotalBytes / 64 && refusal is null; i++)
        {
            refusal = (AllocationFailedException?)Record.Exception(() => zones.AllocateMovable(16, owner: owner));
        }

        Assert.NotNull(refusal);
        Assert.Contains("movable handle", refusal.Reason, StringComparison.Ordinal);
        AllocatorStatistics statistics = zones.GetStatistics();
        Assert.Equal((16, owner, statistics.LiveBytes, statistics.LimitBytes), (refusal.RequestedBytes, refusal.Owner, refusal.UsedBytes, refusal.TotalBytes));
    }

    [Fact]
    public void Misused_handles_are_told()
    {
        using TreeZoneAllocator zones = new();
        MovableHandle handle = zones.AllocateMovable(100, level: 3, AllocationOptions.Zeroed, new OwnerId(-9));
        MovablePin pin = zones.Pin(handle);
        nint address = pin.Address;
        Assert.Equal(-1, new ReadOnlySpan<byte>((void*)address, 112).IndexOfAnyExcept((byte)0));
        Assert.Equal(zones.GetZone(3).Address, address);
        Assert.True(zones.Owns(address));
        Assert.Equal(new BlockInfo(address, 100, 112, new OwnerId(-9), null), Assert.Single(zones.EnumerateBlocks()));

        MemoryFaultException raw = Assert.Throws<MemoryFaultException>(() => zones.Free(address));
        Assert.Equal((MemoryFault.NotABlockStart, new OwnerId(-9)), (raw.Fault, raw.Owner));
        Assert.Equal(TreeZoneError.InvalidArgument, Assert.Throws<TreeZoneException>(() => zones.Free(handle)).Error);
        pin.Dispose();
        pin.Dispose();
        zones.Free(handle);
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => zones.Free(handle)).Fault);
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => { zones.Pin(handle).Dispose(); }).Fault);
        Assert.Equal(MemoryFault.ForeignFree, Assert.Throws<MemoryFaultException>(() => zones.Free(default(MovableHandle))).Fault);

        // The slot's next handle is another one.
        MovableHandle next = zones.AllocateMovable(100);
        Assert.NotEqual(handle, next);
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => zones.Free(handle)).Fault);
        zones.Reset();
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => zones.Free(next)).Fault);
        Assert.Throws<ArgumentOutOfRangeException>(() => zones.AllocateMovable(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => zones.AllocateMovable(1, level: 8));
        Assert.Throws<AllocationFailedException>(() => zones.AllocateMovable((nuint)(2 * MiB), level: 0));
        Assert.Equal((0L, 1L), (zones.GetStatistics().LiveBlocks, zones.GetStatistics().FailedAllocationCount));
        Assert.True(zones.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Failure_of_the_Nth_commit_while_handles_are_made_and_moved_loses_nothing()
    {
        for (int n = 1; ; n++)
        {
            using TreeZoneAllocator zones = new(new TreeZoneOptions { TotalBytes = 64 * MiB });
            List<MovableHandle> handles = [];
            NativeFaults.FailNthCommit = n;
            try
            {
                for (int i = 0; i < 400; i++)
                {
                    try
                    {
                        handles.Add(zones.AllocateMovable((nuint)(1 + (i * 131 % 6_000)), owner: new OwnerId(i)));
                    }
                    catch (AllocationFailedException)
                    {
                        Assert.Equal(0, NativeFaults.FailNthCommit);
                    }

                    if (i % 3 == 2)
                    {
                        zones.Free(handles[i / 3]);
                        handles[i / 3] = handles[^1];
                        handles.RemoveAt(handles.Count - 1);
                    }
                }

                zones.Defragment();
            }
            finally
            {
                n = NativeFaults.FailNthCommit == 0 ? n : -n;
                NativeFaults.FailNthCommit = 0;
            }

            IntegrityReport report = zones.CheckIntegrity();
            Assert.True(report.IsIntact, string.Join(Environment.NewLine, report.Violations));
            handles.ForEach(zones.Free);
            Assert.Equal(0, zones.GetStatistics().LiveBlocks);
            if (n < 0)
            {
                Assert.True(n < -5, "No commit was ever made to fail, so this run proved nothing.");
                return;
            }
        }
    }
}
