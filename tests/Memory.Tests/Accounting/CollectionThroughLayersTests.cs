using DimensionStore.Memory.Tests.Allocators;

namespace DimensionStore.Memory.Tests.Accounting;

/// <summary>An allocator that frees blocks of its own accord tells the layers around it.</summary>
public sealed unsafe class CollectionThroughLayersTests
{
    private static readonly OwnerId Gone = new(7);
    private static readonly OwnerId Alive = new(8);

    [Fact]
    public void Block_in_quarantine_that_a_collection_frees_is_forgotten_and_its_next_user_undisturbed()
    {
        SegregatedAllocator heap = SegregatedAllocator.WithCapacity(32 << 20);
        using DiagnosticLayer layer = new(heap);
        layer.Free(layer.Allocate(1000, owner: Gone));
        Assert.Equal((1, 1L), (layer.QuarantinedBlocks, heap.GetOwnerUsage(Gone).LiveBlocks));
        heap.EndOwner(Gone);
        Assert.Equal(1, heap.Collect().ReclaimedBlocks);
        Assert.Equal((0, 0L), (layer.QuarantinedBlocks, heap.GetOwnerUsage(Gone).LiveBlocks));

        nint mine = layer.Allocate(950, 64, owner: Alive);
        new Span<byte>((void*)mine, 950).Fill(0x5A);
        for (int i = 0; i < 1_500; i++)
        {
            layer.Free(layer.Allocate(1000));
        }

        Assert.Equal(-1, new ReadOnlySpan<byte>((void*)mine, 950).IndexOfAnyExcept((byte)0x5A));
        Assert.Empty(layer.Findings);
        Assert.True(layer.CheckIntegrity().IsIntact);
        layer.Free(mine);
    }

    [Fact]
    public void Collection_that_a_handler_ends_leaves_nothing_in_quarantine_that_it_has_freed()
    {
        SegregatedAllocator heap = SegregatedAllocator.WithCapacity(32 << 20);
        using DiagnosticLayer layer = new(heap);
        nint first = layer.Allocate(1000, owner: Gone);
        nint damaged = layer.Allocate(1000, owner: Gone);
        Assert.True(first < damaged);
        layer.Free(first);
        *(byte*)(damaged + 1000) = 1;
        EventHandler<FaultFoundEventArgs> failing = static (_, _) => throw new InvalidOperationException("from a handler");
        layer.FaultFound += failing;
        heap.EndOwner(Gone);
        Assert.Throws<InvalidOperationException>(() => heap.Collect());
        layer.FaultFound -= failing;
        Assert.Equal((0, 0L, 0L), (layer.QuarantinedBlocks, layer.GetStatistics().LiveBlocks, heap.GetOwnerUsage(Gone).LiveBlocks));
    }

    [Fact]
    public void Block_that_a_collection_has_freed_is_free_in_the_records_too_when_a_handler_beneath_throws()
    {
        const int Half = 1 << 19;
        SegregatedAllocator heap = SegregatedAllocator.WithCapacity(2 * Half);
        using DiagnosticLayer layer = new(heap);
        layer.Allocate(Half, owner: Gone);
        layer.Allocate(Half / 2, owner: Alive);
        EventHandler<PressureChangedEventArgs> failing = static (_, _) => throw new InvalidOperationException("from a handler");
        heap.PressureChanged += failing;
        heap.EndOwner(Gone);
        Assert.Throws<InvalidOperationException>(() => heap.Collect());
        heap.PressureChanged -= failing;
        Assert.Equal((1L, 0L), (layer.GetStatistics().LiveBlocks, heap.GetOwnerUsage(Gone).LiveBlocks));
        Assert.Equal(Half / 2, layer.GetStatistics().LiveBytes);
        Assert.True(layer.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Collection_of_a_block_that_is_being_zeroed_leaves_the_next_one_at_its_place_alone()
    {
        const int Bytes = 8 << 20;
        SegregatedAllocator heap = SegregatedAllocator.WithCapacity(Bytes + (1 << 16));
        using LatencyLayer layer = new(heap);
        int spoilt = 0;
        bool isOver = false;
        ThreadGroup.Run(2, thread =>
        {
            while (thread != 0 && !Volatile.Read(ref isOver))
            {
                layer.TryAllocate(Bytes, out _, options: AllocationOptions.Zeroed, owner: Gone);
            }

            for (int round = 0; thread == 0 && round < 100; round++)
            {
                heap.RegisterOwner(Gone);
                SpinWait.SpinUntil(() => heap.GetOwnerUsage(Gone).LiveBlocks > 0);
                heap.EndOwner(Gone);
                heap.Collect();
                Span<byte> mine = new((void*)layer.Allocate(Bytes, owner: Alive), Bytes);
                mine.Fill(0xAB);
                spoilt += mine.IndexOfAnyExcept((byte)0xAB) >= 0 ? 1 : 0;
                heap.FreeOwner(Alive);
            }

            Volatile.Write(ref isOver, thread == 0 || isOver);
        });
        Assert.Equal((0, 0L), (spoilt, layer.GetStatistics().LiveBlocks));
    }

    [Theory]
    [InlineData(16, true)]
    [InlineData(4096, true)]
    [InlineData(16, false)]
    public void Live_block_that_a_collection_frees_is_free_in_the_records_too(int alignment, bool canaries)
    {
        SegregatedAllocator heap = SegregatedAllocator.WithCapacity(32 << 20);
        using DiagnosticLayer layer = new(heap, new DiagnosticOptions { Canaries = canaries });
        nint[] blocks = [.. Enumerable.Range(0, 600).Select(i => layer.Allocate((nuint)(i + 1), (nuint)alignment, owner: i % 2 == 0 ? Gone : Alive))];
        heap.EndOwner(Gone);
        CollectionResult result = heap.Collect();
        Assert.Equal((300L, 1), (result.ReclaimedBlocks, result.OwnersCleaned));
        AllocatorStatistics statistics = layer.GetStatistics();
        Assert.Equal((300L, 600L, 300L, 300L), (statistics.LiveBlocks, statistics.AllocationCount, statistics.FreeCount, heap.GetStatistics().LiveBlocks));
        Assert.Equal(Enumerable.Range(1, 600).Where(size => size % 2 == 0).Sum(), statistics.LiveBytes);
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => layer.Free(blocks[0])).Fault);
        Assert.True(layer.CheckIntegrity().IsIntact);
        Assert.Empty(layer.Findings);
        for (int i = 1; i < 600; i += 2)
        {
            layer.Free(blocks[i]);
        }
    }

    [Fact]
    public void Damage_that_a_collection_meets_is_a_finding()
    {
        SegregatedAllocator heap = SegregatedAllocator.WithCapacity(32 << 20);
        using DiagnosticLayer layer = new(heap);
        nint overrun = layer.Allocate(100, owner: Gone);
        ((byte*)overrun)[100] ^= 1;
        nint stale = layer.Allocate(200, owner: Gone);
        layer.Free(stale);
        ((byte*)stale)[3] = 1;
        heap.EndOwner(Gone);
        heap.Collect();
        Assert.Equal([MemoryFault.Overrun, MemoryFault.UseAfterFree], layer.Findings.Select(finding => finding.Fault).Order());
        Assert.Equal((0L, 0), (layer.GetStatistics().LiveBlocks, layer.QuarantinedBlocks));
    }

    [Fact]
    public void Owner_freed_beneath_is_free_above_and_out_of_the_quarantine()
    {
        SegregatedAllocator heap = SegregatedAllocator.WithCapacity(32 << 20);
        using DiagnosticLayer layer = new(heap);
        for (int i = 0; i < 10; i++)
        {
            layer.Free(layer.Allocate(100, owner: Gone));
            layer.Allocate(100, owner: Gone);
        }

        heap.FreeOwner(Gone);
        Assert.Equal((0L, 0L), (heap.GetOwnerUsage(Gone).LiveBlocks, heap.GetOwnerUsage(Gone).UsedBytes));
        Assert.Equal((0L, 0), (layer.GetStatistics().LiveBlocks, layer.QuarantinedBlocks));
        Assert.True(layer.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Quota_is_released_for_what_a_collection_frees()
    {
        SegregatedAllocator heap = SegregatedAllocator.WithCapacity(32 << 20);
        using OwnerQuotaLayer quotas = new(new DiagnosticLayer(heap));
        nint freed = quotas.Allocate(500, owner: Gone);
        quotas.Allocate(600, owner: Gone);
        nint kept = quotas.Allocate(700, owner: Alive);
        quotas.Free(freed);
        heap.EndOwner(Gone);
        Assert.Equal(2, heap.ForceCollect().ReclaimedBlocks);
        Assert.Equal((0L, 0L), (quotas.Owners.GetUsage(Gone).UsedBytes, quotas.Owners.GetUsage(Gone).LiveBlocks));
        Assert.Equal((700L, 1L), (quotas.Owners.GetUsage(Alive).UsedBytes, quotas.GetStatistics().LiveBlocks));
        Assert.Empty(quotas.GetOwnerBlocks(Gone));
        quotas.Free(kept);
    }

    [Fact]
    public void Diagnosis_above_quotas_and_measurement_works_too_and_a_trace_has_the_free()
    {
        string path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.altrace");
        SegregatedAllocator heap = SegregatedAllocator.WithCapacity(32 << 20);
        OwnerQuotaLayer quotas = new(new LatencyLayer(heap));
        TraceRecordingLayer recorder = new(new EventLayer(new DiagnosticLayer(quotas)), path);
        using (recorder)
        {
            recorder.Allocate(100, owner: Gone);
            recorder.Allocate(100, owner: Alive);
            heap.EndOwner(Gone);
            Assert.Equal(1, heap.Collect().ReclaimedBlocks);
            Assert.Equal((1L, 0L, 3), (recorder.GetStatistics().LiveBlocks, quotas.Owners.GetUsage(Gone).LiveBlocks, recorder.RecordCount));
        }
    }

    [Theory]
    [InlineData("segregated")]
    [InlineData("quota")]
    [InlineData("latency")]
    public void Second_layer_beside_one_that_is_told_is_refused_and_the_first_is_told_on(string around)
    {
        OwnerLedger ledger = new();
        using SegregatedAllocator heap = new(new SegregatedOptions { Owners = ledger });
        using MemoryAllocator inner = around switch
        {
            "quota" => new OwnerQuotaLayer(new GeneralAllocator(), ledger),
            "latency" => new LatencyLayer(heap),
            _ => heap,
        };

        // Those that come to nothing leave the place free.
        Assert.Throws<ArgumentOutOfRangeException>(() => new LatencyLayer(inner, sampleEvery: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DiagnosticLayer(inner, new DiagnosticOptions { QuarantineBytes = -1 }));
        Assert.Throws<DirectoryNotFoundException>(() => new TraceRecordingLayer(inner, Path.Combine(Path.GetTempPath(), Path.GetRandomFileName(), "trace")));
        using DiagnosticLayer first = new(inner);
        string message = Assert.Throws<InvalidOperationException>(() => new EventLayer(inner)).Message;
        Assert.Contains(inner.Name, message, StringComparison.Ordinal);
        Assert.Contains("a DiagnosticLayer already", message, StringComparison.Ordinal);
        Assert.Contains("EventLayer", message, StringComparison.Ordinal);
        using EventLayer second = new(first);
        nint block = second.Allocate(100, owner: new OwnerId(1));
        _ = inner is OwnerQuotaLayer quota ? quota.FreeOwner(new OwnerId(1)) : heap.FreeOwner(new OwnerId(1));
        Assert.False(first.Owns(block));
        Assert.Equal((0L, 0L), (first.GetStatistics().LiveBlocks, second.GetStatistics().LiveBlocks));
    }

    [Fact]
    public void Two_stacks_around_an_allocator_that_frees_nothing_by_itself_each_know_their_own_blocks()
    {
        using GeneralAllocator shared = new();
        OwnerQuotaLayer left = new(shared);
        OwnerQuotaLayer right = new(shared);
        DiagnosticLayer aboveLeft = new(left);
        DiagnosticLayer aboveRight = new(right);
        nint mine = aboveLeft.Allocate(100, owner: new OwnerId(1));
        nint other = aboveRight.Allocate(100, owner: new OwnerId(1));
        left.FreeOwner(new OwnerId(1));
        Assert.Equal((0L, 1L), (aboveLeft.GetStatistics().LiveBlocks, aboveRight.GetStatistics().LiveBlocks));
        Assert.Equal((false, true), (aboveLeft.Owns(mine), aboveRight.Owns(other)));
        right.FreeOwner(new OwnerId(1));
        Assert.Equal((0L, 0L), (aboveRight.GetStatistics().LiveBlocks, shared.GetStatistics().LiveBlocks));
    }

    [Fact]
    public void Block_of_a_handle_passes_the_layers_by()
    {
        SegregatedAllocator heap = SegregatedAllocator.WithCapacity(32 << 20);
        using DiagnosticLayer layer = new(heap);
        CollectableBlock handle = heap.AllocateCollectable(100, owner: Gone);
        heap.EndOwner(Gone);
        Assert.Equal(1, heap.Collect().ReclaimedBlocks);
        handle.Dispose();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
    }

    [Fact]
    public void Blocks_on_guard_pages_are_charged_limited_and_collected()
    {
        SegregatedAllocator heap = SegregatedAllocator.WithCapacity(32 << 20);
        DiagnosticLayer layer = new(heap, new DiagnosticOptions { GuardPagesEvery = 1 });
        heap.SetOwnerLimit(Gone, 1024);
        Assert.Throws<LimitExceededException>(() => layer.Allocate(100 << 10, owner: Gone));
        Assert.Equal((0L, 0L), (heap.GetOwnerUsage(Gone).UsedBytes, heap.GetOwnerUsage(Gone).PeakBytes));
        nint block = layer.Allocate(600, owner: Gone);
        Assert.Equal((600L, 1L), (heap.GetOwnerUsage(Gone).UsedBytes, heap.GetOwnerUsage(Gone).LiveBlocks));
        Assert.False(layer.TryAllocate(600, out _, owner: Gone));
        block = layer.Reallocate(block, 500);
        Assert.Equal(500, heap.GetOwnerUsage(Gone).UsedBytes);
        layer.Free(block);
        Assert.Equal((0L, 0L), (heap.GetOwnerUsage(Gone).UsedBytes, heap.GetOwnerUsage(Gone).LiveBlocks));

        layer.Allocate(300, owner: Gone);
        nint kept = layer.Allocate(300, owner: Alive);
        heap.EndOwner(Gone);
        Assert.Equal(1, heap.Collect().ReclaimedBlocks);
        Assert.Equal((0L, 1L), (heap.GetOwnerUsage(Gone).LiveBlocks, layer.GetStatistics().LiveBlocks));
        Assert.Empty(layer.Findings);
        Assert.True(layer.CheckIntegrity().IsIntact);
        Assert.True(layer.Owns(kept));
        layer.Dispose();
        Assert.Equal(0, heap.GetOwnerUsage(Alive).UsedBytes);
    }

    [Fact]
    public void Collections_beside_threads_that_allocate_and_free_take_nothing_from_the_living()
    {
        SegregatedAllocator heap = SegregatedAllocator.WithCapacity(64 << 20);
        DiagnosticLayer layer = new(heap, new DiagnosticOptions { QuarantineBytes = 64 << 10 });
        OwnerQuotaLayer quotas = new(layer);
        System.Collections.Concurrent.ConcurrentQueue<Exception> errors = [];
        using CancellationTokenSource done = new();
        using Barrier together = new(3);
        Thread[] workers = [.. Enumerable.Range(0, 2).Select(worker => new Thread(Catching(() =>
        {
            Random random = new(worker);
            together.SignalAndWait();
            for (int round = 0; round < 300 && errors.IsEmpty; round++)
            {
                // The owner of the round ends with its blocks, which nobody touches afterwards; the worker's own live on.
                OwnerId ended = new(1_000 + (worker * 1_000) + round);
                OwnerId mine = new(worker + 1);
                nint[] blocks = [.. Enumerable.Range(0, 20).Select(_ => quotas.Allocate((nuint)random.Next(1, 900), owner: mine))];
                for (int i = 0; i < 20; i++)
                {
                    nint other = quotas.Allocate((nuint)random.Next(1, 900), owner: ended);
                    if (i % 2 == 0)
                    {
                        quotas.Free(other);
                    }

                    new Span<byte>((void*)blocks[i], (int)quotas.UsableSize(blocks[i])).Fill((byte)i);
                }

                heap.EndOwner(ended);
                for (int i = 0; i < 20; i++)
                {
                    Assert.Equal(-1, new ReadOnlySpan<byte>((void*)blocks[i], (int)quotas.UsableSize(blocks[i])).IndexOfAnyExcept((byte)i));
                    quotas.Free(blocks[i]);
                }
            }
        })))];
        Thread collector = new(Catching(() =>
        {
            together.SignalAndWait();
            while (!done.IsCancellationRequested)
            {
                heap.Collect();
            }
        }));
        collector.Start();
        foreach (Thread worker in workers)
        {
            worker.Start();
        }

        foreach (Thread worker in workers)
        {
            worker.Join();
        }

        done.Cancel();
        collector.Join();
        heap.Collect();
        Assert.Empty(errors);
        Assert.Empty(layer.Findings);
        Assert.Equal(0, quotas.GetStatistics().LiveBlocks);
        Assert.All(quotas.Owners.GetAll(), usage => Assert.Equal((0L, 0L), (usage.UsedBytes, usage.LiveBlocks)));
        Assert.All(heap.Owners.GetAll().Where(usage => usage.HasEnded), usage => Assert.Equal((0L, 0L), (usage.UsedBytes, usage.LiveBlocks)));
        quotas.Trim();
        Assert.Equal(0, heap.GetStatistics().LiveBlocks);
        Assert.True(quotas.CheckIntegrity().IsIntact);
        quotas.Dispose();

        ThreadStart Catching(Action work) => () =>
        {
            try
            {
                work();
            }
            catch (Exception e)
            {
                errors.Enqueue(e);
            }
        };
    }
}
