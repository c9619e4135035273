using System.Diagnostics;

namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>Who stops a replay or the reading of a trace does not wait for its end.</summary>
public sealed class TraceCancellationTests
{
    private static readonly TraceReplayOptions MeasuringOnly = new() { TimedPasses = 0 };

    private static AllocationTrace Long(int threads = 1) => Traces.Random(11, 60_000, threads, maxSize: 200);

    [Theory]
    [InlineData(1, 10)]
    [InlineData(1, 20_000)]
    [InlineData(3, 10)]
    [InlineData(3, 20_000)]
    public void The_measuring_pass_stops_where_it_is(int threads, int after)
    {
        using var stop = new CancellationTokenSource();
        using var layer = new StoppingLayer(new SlabAllocator(64 << 20), stop, after);

        Assert.Throws<OperationCanceledException>(() => TraceReplayer.Replay(Long(threads), layer, MeasuringOnly with { Cancellation = stop.Token }));
        Assert.InRange(layer.CallsAfterStop, 0, threads == 1 ? 0 : ReplayPace.Window);

        // What was live stays so, for whoever stopped it to look at; of the first few calls some may have freed all that others allocated.
        Assert.True(after < 100 || layer.GetStatistics().LiveBlocks > 0);
        layer.Reset();
        Assert.True(layer.CheckIntegrity().IsIntact);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_timed_pass_stops_within_some_thousand_operations(int threads)
    {
        AllocationTrace trace = Long(threads);
        using var stop = new CancellationTokenSource();
        using var layer = new StoppingLayer(new SlabAllocator(64 << 20), stop, after: trace.Count + 20_000);

        Assert.Throws<OperationCanceledException>(() => TraceReplayer.Replay(trace, layer, new TraceReplayOptions { TimedPasses = 3, WarmUp = TimeSpan.Zero, Cancellation = stop.Token }));
        Assert.InRange(layer.CallsAfterStop, 0, 4096 * threads);
        layer.Reset();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Freeing_what_the_program_left_stops_within_some_thousand_blocks(int threads)
    {
        const int count = 60_000;
        AllocationTrace trace = AllocationTrace.FromRecords([.. Enumerable.Range(0, count).Select(id => Traces.Allocate((uint)id, 16, (byte)(id % threads)))], threads);
        using var stop = new CancellationTokenSource();
        using var layer = new StoppingLayer(new SlabAllocator(64 << 20), stop, after: count + 10);

        Assert.Throws<OperationCanceledException>(() => TraceReplayer.Replay(trace, layer, MeasuringOnly with { Cancellation = stop.Token }));
        Assert.InRange(layer.CallsAfterStop, 0, 8192);
        Assert.True(layer.GetStatistics().LiveBlocks > 0);
        layer.Reset();
    }

    [Fact]
    public void A_block_of_many_megabytes_is_not_filled_to_its_end()
    {
        using var stop = new CancellationTokenSource();
        using var layer = new StoppingLayer(new LargeObjectAllocator(new LargeObjectOptions { CapacityBytes = 1 << 30 }), stop, after: 1);
        AllocationTrace trace = AllocationTrace.FromRecords([Traces.Allocate(0, 800 << 20)]);

        Assert.Throws<OperationCanceledException>(() => TraceReplayer.Replay(trace, layer, MeasuringOnly with { Cancellation = stop.Token }));
        (AllocatorStatistics statistics, long? resident) = TraceReplayer.Measure(layer);
        Assert.Equal(1, statistics.LiveBlocks);
        Assert.InRange(resident ?? 0, 0, 64 << 20);
    }

    [Fact]
    public void Reading_stops_between_two_pieces_and_while_records_are_checked()
    {
        AllocationTrace trace = AllocationTrace.FromRecords([.. Enumerable.Range(0, 1_000_000).Select(id => Traces.Allocate((uint)id, 1))]);
        string path = Path.Combine(Path.GetTempPath(), $"stop-{Guid.NewGuid():N}.altrace");
        try
        {
            trace.Save(path);
            foreach (long at in new[] { 0, 100, 5_000_000, new FileInfo(path).Length })
            {
                using var stop = new CancellationTokenSource();
                using FileStream file = File.OpenRead(path);
                using var stream = new StoppingStream(file, stop, at);

                Assert.Throws<OperationCanceledException>(() => AllocationTrace.Read(stream, cancellation: stop.Token));
                Assert.InRange(file.Position, at, at + (5 << 20));
            }

            Assert.Throws<OperationCanceledException>(() => AllocationTrace.Load(path, cancellation: new CancellationToken(canceled: true)));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_pipe_that_keeps_its_reader_waiting_is_left(bool hasWriter)
    {
        const string maker = "/usr/bin/mkfifo";
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(maker), "There is no mkfifo here.");
        string path = Path.Combine(Path.GetTempPath(), $"stop-{Guid.NewGuid():N}.pipe");
        using (Process made = Process.Start(maker, [path]))
        {
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, made.ExitCode);
        }

        using var stop = new CancellationTokenSource();
        FileStream? writer = null;
        try
        {
            Task<AllocationTrace> reading = Task.Run(() => AllocationTrace.Load(path, cancellation: stop.Token), TestContext.Current.CancellationToken);
            if (hasWriter)
            {
                // Opens once the reader has. More than a pipe holds: when it is written, records are being read, and the rest is waited for.
                writer = await Task.Run(() => new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0), TestContext.Current.CancellationToken);
                await writer.WriteAsync(Long().ToBytes().AsMemory(0, 150_000), TestContext.Current.CancellationToken);
            }

            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        }
        finally
        {
            if (writer is null)
            {
                // Whoever still waits to open it gets a writer, and the end.
                await using var last = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
            }

            writer?.Dispose();
            File.Delete(path);
        }
    }

    [Fact]
    public async Task A_pipe_is_read_like_a_file_by_who_could_stop()
    {
        const string maker = "/usr/bin/mkfifo";
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(maker), "There is no mkfifo here.");
        string path = Path.Combine(Path.GetTempPath(), $"whole-{Guid.NewGuid():N}.pipe");
        using (Process made = Process.Start(maker, [path]))
        {
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        try
        {
            byte[] bytes = Traces.Sample().ToBytes();
            Task writing = Task.Run(() => File.WriteAllBytes(path, bytes), TestContext.Current.CancellationToken);
            using var stop = new CancellationTokenSource();
            AllocationTrace trace = AllocationTrace.Load(path, cancellation: stop.Token);
            await writing;
            Assert.Equal(bytes, trace.ToBytes());
            Assert.Equal(path, trace.FilePath);

            writing = Task.Run(() => File.WriteAllBytes(path, [1, 2, 3]), TestContext.Current.CancellationToken);
            Assert.Contains(path, Assert.Throws<TraceFormatException>(() => AllocationTrace.Load(path, cancellation: stop.Token)).Message, StringComparison.Ordinal);
            await writing;
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Timing_the_systems_allocator_stops(int threads) =>
        Assert.Throws<OperationCanceledException>(() => TraceReplayer.TimeNativeMemory(Long(threads), new TraceReplayOptions { Cancellation = new CancellationToken(canceled: true) }));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 70_000)]
    [InlineData(3, 1)]
    [InlineData(3, 70_000)]
    public void A_run_that_is_abandoned_has_freed_everything(int threads, int after)
    {
        using var stop = new CancellationTokenSource();
        using var layer = new StoppingLayer(new SlabAllocator(64 << 20), stop, after);
        using ReplayRun run = TraceReplayer.Start(Long(threads), new AnyTarget(layer), "test", isThreadSafe: true, stop.Token);

        Assert.Throws<OperationCanceledException>(() =>
        {
            for (int pass = 0; pass < 100; pass++)
            {
                run.Time(out _);
            }
        });
        run.Abandon();
        Assert.Equal(0, layer.GetStatistics().LiveBlocks);
    }

    /// <summary>Asks to stop in one of the calls.</summary>
    private sealed class StoppingLayer(MemoryAllocator inner, CancellationTokenSource stop, int after) : AllocatorLayer(inner)
    {
        private int _calls;

        internal int CallsAfterStop => Math.Max(0, _calls - after);

        public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
        {
            Count();
            return Inner.Allocate(size, alignment, options, owner);
        }

        public override nint Reallocate(nint address, nuint size, OwnerId owner = default)
        {
            Count();
            return Inner.Reallocate(address, size, owner);
        }

        public override void Free(nint address)
        {
            Count();
            Inner.Free(address);
        }

        private void Count()
        {
            if (Interlocked.Increment(ref _calls) == after)
            {
                stop.Cancel();
            }
        }
    }

    private sealed class StoppingStream(FileStream inner, CancellationTokenSource stop, long at) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(Span<byte> buffer)
        {
            int read = inner.Read(buffer);
            if (inner.Position >= at)
            {
                stop.Cancel();
            }

            return read;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
