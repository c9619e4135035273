namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>Recording an allocator's users.</summary>
public sealed class TraceRecordingLayerTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("recordings-").FullName;

    private string TracePath => Path.Combine(_directory, "recorded.altrace.gz");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static PoolAllocator Pool() => new([new(64, 8L << 20), new(4096, 32L << 20), new(16384, 64L << 20)], 64L << 20);

    [Fact]
    public void A_recording_is_what_was_asked()
    {
        using (var layer = new TraceRecordingLayer(Pool(), TracePath))
        {
            nint first = layer.Allocate(24);
            Assert.True(layer.TryAllocate(100, out nint second, options: AllocationOptions.Zeroed));
            first = layer.Reallocate(first, 5000);
            nint third = layer.Allocate(256, alignment: 64, options: AllocationOptions.Zeroed);
            layer.FreeSized(second, 100);
            layer.Free(first);
            nint fourth = layer.Allocate(7);
            Assert.Equal(7, layer.RecordCount);
            layer.Complete();
            layer.Free(fourth);
            layer.Free(third);
            Assert.Equal(7, layer.RecordCount);
            Assert.Throws<InvalidOperationException>(layer.Complete);
        }

        Assert.Equal(
            [
                Traces.Allocate(0, 24),
                new(TraceOperation.AllocateZeroed, 0, 0, 1, 100),
                Traces.Reallocate(0, 5000),
                new(TraceOperation.AllocateAligned, 0, 6, 2, 256),
                Traces.Free(1, 100),
                Traces.Free(0, 5000),
                Traces.Allocate(0, 7),
            ],
            AllocationTrace.Load(TracePath, cancellation: TestContext.Current.CancellationToken).Records.ToArray());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_replay_under_the_recorder_gives_the_trace_back(int threads)
    {
        AllocationTrace trace = Traces.Random(9, 4000, threads);
        using (var layer = new TraceRecordingLayer(Pool(), TracePath))
        {
            TraceReplayer.Replay(trace, layer, new TraceReplayOptions { TimedPasses = 0 });
            layer.Complete();
        }

        // A replay frees what is live at the end, and the program did not.
        AllocationTrace recorded = AllocationTrace.Load(TracePath, cancellation: TestContext.Current.CancellationToken);
        int makes = Count(trace, TraceOperation.Free, not: true);
        Assert.Equal(makes, Count(recorded, TraceOperation.Free, not: true));
        Assert.Equal(Count(trace, TraceOperation.Reallocate), Count(recorded, TraceOperation.Reallocate));
        Assert.Equal(Count(recorded, TraceOperation.Free), makes - Count(trace, TraceOperation.Reallocate));
        if (threads == 1)
        {
            Assert.Equal((trace.PeakLiveObjects, trace.PeakRecord), (recorded.PeakLiveObjects, recorded.PeakRecord));
        }
        else
        {
            Assert.InRange(recorded.ThreadCount, threads, threads + 1);
        }
    }

    [Fact]
    public void What_was_there_before_passes_through()
    {
        PoolAllocator pool = Pool();
        nint old = pool.Allocate(50);
        nint moved = pool.Allocate(50);
        using var layer = new TraceRecordingLayer(pool, TracePath);
        layer.Free(old);
        layer.Free(layer.Reallocate(moved, 4000));

        Assert.Equal(0, layer.RecordCount);
    }

    [Fact]
    public void A_refused_operation_is_not_recorded()
    {
        using var layer = new TraceRecordingLayer(Pool(), TracePath);
        nint block = layer.Allocate(10);
        Assert.Throws<AllocationFailedException>(() => layer.Allocate(1 << 20));
        Assert.False(layer.TryAllocate(1 << 20, out _));
        Assert.Throws<MemoryFaultException>(() => layer.Free(block + 1));
        Assert.Throws<MemoryFaultException>(() => layer.FreeSized(block, 11));
        layer.Free(block);
        Assert.Throws<MemoryFaultException>(() => layer.Free(block));

        Assert.Equal(2, layer.RecordCount);
    }

    [Fact]
    public void A_reset_frees_all()
    {
        using (var layer = new TraceRecordingLayer(Pool(), TracePath))
        {
            layer.Allocate(10);
            layer.Allocate(20);
            layer.Reset();
            layer.Allocate(30);
            layer.Complete();
        }

        AllocationTrace trace = AllocationTrace.Load(TracePath, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal((5, 30L, 2), (trace.Count, trace.PeakLiveBytes, trace.PeakLiveObjects));
    }

    [Fact]
    public void Several_threads_are_told_apart_and_nothing_is_lost()
    {
        using (var layer = new TraceRecordingLayer(Pool(), TracePath))
        {
            Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
            {
                for (int i = 0; i < 500; i++)
                {
                    nint block = layer.Allocate((nuint)(i + 1));
                    layer.Free(block);
                }
            }))];
            Array.ForEach(threads, thread => thread.Start());
            Array.ForEach(threads, thread => thread.Join());
            layer.Complete();
        }

        AllocationTrace trace = AllocationTrace.Load(TracePath, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(4000, trace.Count);
        Assert.InRange(trace.ThreadCount, 1, 4);
    }

    [Fact]
    public void Without_complete_there_is_no_file()
    {
        using (var layer = new TraceRecordingLayer(Pool(), TracePath))
        {
            layer.Allocate(10);
        }

        Assert.Empty(Directory.GetFiles(_directory));
    }

    private static int Count(AllocationTrace trace, TraceOperation operation, bool not = false)
    {
        int count = 0;
        foreach (TraceRecord record in trace.Records)
        {
            count += record.Operation == operation != not ? 1 : 0;
        }

        return count;
    }
}
