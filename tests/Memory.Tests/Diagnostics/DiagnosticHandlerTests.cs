namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>Handlers of events beneath that come back to the layer in whose call they run.</summary>
public sealed class DiagnosticHandlerTests
{
    private static readonly TimeSpan s_forEver = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Handler_in_a_free_of_guard_pages_may_reset_or_dispose(bool disposes)
    {
        MemoryBudget budget = new("test", 64 << 10);
        DiagnosticLayer layer = new(new PoolAllocator([new PoolConfig(64, 64 << 10)], 1 << 20, budget), DiagnosticOptions.Pages);
        nint block = layer.Allocate(60_000);
        layer.Allocate(100);
        int calls = 0;
        budget.PressureChanged += (_, e) =>
        {
            if (e.Current == PressureLevel.Normal && ++calls == 1)
            {
                (disposes ? (Action)layer.Dispose : layer.Reset)();
            }
        };
        Run(() => layer.Free(block));
        Assert.Equal((1, 0L), (calls, layer.GetStatistics().LiveBlocks));
        layer.Dispose();
        Assert.Equal(0, budget.UsedBytes);
    }

    [Fact]
    public void Handler_waits_for_the_blocks_of_other_threads_whatever_its_own_free_has_in_hand()
    {
        for (int round = 0; round < 10; round++)
        {
            Meeting beneath = new(new PoolAllocator([new PoolConfig(128, 64 << 10)], 64 << 10));
            using DiagnosticLayer layer = new(beneath, new DiagnosticOptions { QuarantineBytes = 0 });
            nint own = layer.Allocate(10);
            nint others = layer.Allocate(10);
            while (layer.Records.ShardOf(own) == layer.Records.ShardOf(others))
            {
                others = layer.Allocate(10);
            }

            using ManualResetEventSlim arrived = new();
            using ManualResetEventSlim leaves = new();
            bool isInside = false;
            bool metInside = false;
            beneath.Freeing = () =>
            {
                Volatile.Write(ref isInside, true);
                arrived.Set();
                leaves.Wait(CancellationToken.None);
                Volatile.Write(ref isInside, false);
            };
            beneath.Resetting = () => metInside |= Volatile.Read(ref isInside);
            Thread other = new(() => layer.Free(others)) { IsBackground = true };
            other.Start();
            Assert.True(arrived.Wait(s_forEver, TestContext.Current.CancellationToken));
            beneath.Freeing = layer.Reset;
            Thread mine = new(() => layer.Free(own)) { IsBackground = true };
            mine.Start();
            SpinWait.SpinUntil(() => layer.GetStatistics().LiveBlocks == 0);
            leaves.Set();
            Assert.True(mine.Join(s_forEver) && other.Join(s_forEver));
            Assert.False(metInside);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Handler_in_a_reallocation_may_reset_or_dispose(bool disposes)
    {
        Meeting beneath = new(SegregatedAllocator.WithCapacity(1 << 20));
        DiagnosticLayer layer = new(beneath);
        nint block = layer.Allocate(1_000);
        beneath.Resizing = disposes ? layer.Dispose : layer.Reset;
        if (disposes)
        {
            Run(() => Assert.Throws<ObjectDisposedException>(() => layer.Reallocate(block, 5_000)));
        }
        else
        {
            Run(() => layer.Reallocate(block, 5_000));
            Assert.Throws<MemoryFaultException>(() => layer.Free(block));
        }

        AllocatorStatistics last = layer.GetStatistics();
        Assert.Equal((1L, disposes ? 0L : 1L, 0L, 0L), (last.AllocationCount, last.FreeCount, last.LiveBlocks, last.LiveBytes));
        Assert.Equal(disposes ? 1 : 0, last.LeakedBlocks);
        layer.Dispose();
    }

    [Theory]
    [InlineData(50_000, 20_000)]
    [InlineData(20_000, 50_000)]
    public void Handler_that_throws_once_a_block_is_resized_leaves_its_guards_where_it_ends(int before, int after)
    {
        Meeting beneath = new(SegregatedAllocator.WithCapacity(1 << 20));
        using DiagnosticLayer layer = new(beneath, new DiagnosticOptions { Canaries = true });
        nint block = layer.Allocate((nuint)before);
        beneath.Resizing = static () => throw new InvalidOperationException("a handler's");
        Assert.Throws<InvalidOperationException>(() => layer.Reallocate(block, (nuint)after));
        beneath.Resizing = null;

        // Whoever comes next lies behind the block as it is now.
        nint next = layer.Allocate(20_000);
        layer.AsSpan(next, 20_000).Fill(0x11);
        layer.AsSpan(block, (int)layer.UsableSize(block)).Fill(0x22);
        Assert.Empty(layer.CheckIntegrity().Violations);
        layer.Free(block);
        layer.Free(next);
        AllocatorStatistics statistics = layer.GetStatistics();
        Assert.Equal((0L, 0L), (statistics.LiveBytes, statistics.RequestedBytes));
    }

    /// <summary>On a thread of its own, since what fails would wait for ever.</summary>
    private static void Run(Action work)
    {
        Exception? failure = null;
        Thread thread = new(() => failure = Record.Exception(work)) { IsBackground = true };
        thread.Start();
        Assert.True(thread.Join(s_forEver), "The call did not come back.");
        Assert.Null(failure);
    }

    /// <summary>Calls somebody, once each, when a call has come this far; after the fact where the handlers of an allocator come after the fact.</summary>
    private sealed class Meeting(MemoryAllocator inner) : AllocatorLayer(inner)
    {
        internal Action? Freeing { get; set; }

        internal Action? Resetting { get; set; }

        internal Action? Resizing { get; set; }

        public override void Free(nint address)
        {
            Inner.Free(address);
            Action? freeing = Freeing;
            Freeing = null;
            freeing?.Invoke();
        }

        public override void Reset()
        {
            Resetting?.Invoke();
            Inner.Reset();
        }

        protected internal override bool TryResizeInPlace(nint address, nuint size)
        {
            bool done = Inner.TryResizeInPlace(address, size);
            Resizing?.Invoke();
            return done;
        }
    }
}
