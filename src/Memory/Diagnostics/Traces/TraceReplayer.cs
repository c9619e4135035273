using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// Does with an allocator what a program did with its own, and measures. What is measured and how is in README.md beside this file.
/// </summary>
public static class TraceReplayer
{
    private const int LeastWarmUpPasses = 2;

    // Passes of a short trace with several threads have become faster for a second and more; what has not ended by then is the machine.
    private const int MostWarmUps = 5;

    // A pass that is faster by less says nothing about the code.
    private const double Gain = 0.97;
    private const int OverheadPasses = 3;

    /// <summary>
    /// Replays a trace: one pass that writes and checks every byte and measures sizes, passes that warm up, passes against the clock. Live blocks are freed after each pass.
    /// </summary>
    /// <param name="trace">The trace.</param>
    /// <param name="allocator">A fresh allocator: peaks are those of its whole life. It stays the caller's, with nothing live that was not live before.</param>
    /// <param name="options">Passes; the defaults when null.</param>
    /// <remarks>
    /// Threads of the trace run as threads where the allocator is thread-safe, else one after the other in the trace's order. Allocates on the GC heap, but not while the
    /// clock runs.
    /// </remarks>
    /// <exception cref="TraceReplayException">The allocator could not do what a record asks, or a block was not sound; the error names the record.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The number of passes is negative or above 1,000.</exception>
    /// <exception cref="OperationCanceledException">The replay was stopped. What it had allocated stays live: reset or dispose the allocator, which gives it back at once where freeing block by block would keep whoever stopped it waiting.</exception>
    public static TraceReplayResult Replay(AllocationTrace trace, MemoryAllocator allocator, TraceReplayOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(allocator);
        options ??= new TraceReplayOptions();
        CheckPasses(options);
        return ReplayTargets.Dispatch(allocator, new Replaying(trace, allocator, options));
    }

    /// <summary>
    /// Replays a trace through <see cref="NativeMemory"/>, the system's <c>malloc</c>, against the clock only: the figure to compare others with.
    /// </summary>
    /// <returns>Nanoseconds per operation, as in <see cref="TraceReplayResult.NsPerOperation"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The number of passes is negative or above 1,000.</exception>
    /// <exception cref="TraceReplayException">The system has no memory left.</exception>
    /// <exception cref="OperationCanceledException">The replay was stopped; everything is freed.</exception>
    public static double TimeNativeMemory(AllocationTrace trace, TraceReplayOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(trace);
        options ??= new TraceReplayOptions();
        CheckPasses(options);
        if (options.TimedPasses == 0)
        {
            return double.NaN;
        }

        using ReplayRun run = Start(trace, default(NativeTarget), nameof(NativeMemory), isThreadSafe: true, options.Cancellation);
        try
        {
            return PerOperation(TimePasses(run, options).Median, trace);
        }
        catch (OperationCanceledException)
        {
            run.Abandon();
            throw;
        }
    }

    /// <summary>Refuses a trace that would fill the machine: a file of some kilobytes can ask for terabytes. Whoever sets the allocator's capacity by hand has no need of it.</summary>
    /// <exception cref="TraceTooLargeException">The trace has more bytes live at once than the system has memory available.</exception>
    public static void RequireMemory(AllocationTrace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        long available = AvailableMemory.Bytes();
        if (trace.PeakLiveBytes > available)
        {
            throw new TraceTooLargeException(trace.PeakLiveBytes, available, trace.FilePath);
        }
    }

    /// <summary><see cref="SuggestCapacity(AllocationTrace)"/>, but no more than an allocator can be made with. Whether that suffices for the trace is then seen at the record where it does not.</summary>
    /// <param name="trace">The trace.</param>
    /// <param name="kind">The allocator.</param>
    public static long SuggestCapacity(AllocationTrace trace, AllocatorKind kind)
    {
        ArgumentNullException.ThrowIfNull(kind);
        return Math.Min(SuggestCapacity(trace), kind.MaxCapacityBytes);
    }

    /// <summary>
    /// A capacity with room for a trace in any allocator: four times the bytes it has live at most, a page for each of its objects and the alignment of those that are aligned to
    /// more, at least 1 GiB, a power of two. It is address space; memory is committed as it is used. Sizes, alignments and capacities that an allocator does not serve at all remain.
    /// </summary>
    public static long SuggestCapacity(AllocationTrace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        long most = trace.PeakLiveBytes + (trace.PeakLiveObjects * 4096L) + AlignmentBytes(trace);
        return Math.Max(1L << 30, (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Min(most, 1L << 42) * 4));
    }

    /// <summary>Only the passes against the clock, for what is no <see cref="MemoryAllocator"/>: a peer.</summary>
    internal static ReplayRun Start<T>(AllocationTrace trace, T target, string name, bool isThreadSafe, CancellationToken cancellation = default)
        where T : struct, IReplayTarget
        => isThreadSafe && trace.ThreadCount > 1
            ? new CrewReplay<T>(trace, new ReplayPlan(trace, cancellation), target, name, cancellation)
            : new SingleReplay<T>(trace, target, name, cancellation);

    private static void CheckPasses(TraceReplayOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(options.TimedPasses, nameof(options.TimedPasses));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.TimedPasses, 1000, nameof(options.TimedPasses));
    }

    private static TraceReplayResult Replay<T>(AllocationTrace trace, T target, MemoryAllocator allocator, TraceReplayOptions options)
        where T : struct, IReplayTarget
    {
        using ReplayRun run = Start(trace, target, allocator.Name, allocator.IsThreadSafe, options.Cancellation);
        run.RunChecked(Math.Min(trace.PeakRecord + 1, trace.Count));
        (AllocatorStatistics peak, long? resident) = Measure(allocator);
        run.RunChecked(trace.Count);
        long peakCommitted = allocator.GetStatistics().PeakCommittedBytes;
        run.FreeLive();
        Timing timing = options.TimedPasses == 0 || trace.Count == 0 ? Timing.None : TimePasses(run, options);
        double operations = Math.Max(1, trace.Count);
        return new TraceReplayResult
        {
            Allocator = allocator.Name,
            Operations = trace.Count,
            NsPerOperation = PerOperation(timing.Median, trace),
            FastestNsPerOperation = PerOperation(timing.Fastest, trace),
            ReplayOverheadNs = options.TimedPasses == 0 || trace.Count == 0 ? double.NaN : PerOperation(Overhead(trace, allocator.IsThreadSafe, options.Cancellation), trace),
            TimedPasses = options.TimedPasses,
            Threads = run.Threads,
            TraceThreads = trace.ThreadCount,
            PeakLiveObjects = trace.PeakLiveObjects,
            PeakLiveBytes = trace.PeakLiveBytes,
            PeakCommittedBytes = peakCommitted,
            PeakResidentBytes = resident,
            InternalFragmentation = peak.LiveBytes == 0 ? 0 : Math.Max(0, 1 - ((double)trace.PeakLiveBytes / peak.LiveBytes)),
            ExternalFragmentation = peak.ExternalFragmentation,
            MetadataOverhead = peak.MetadataOverhead,
            ManagedBytesPerOperation = timing.ManagedBytes / operations,
        };
    }

    /// <summary>What an allocator says about itself, and the main memory that it holds.</summary>
    internal static (AllocatorStatistics Statistics, long? ResidentBytes) Measure(MemoryAllocator allocator)
    {
        AllocatorStatistics statistics = allocator.GetStatistics();
        long? resident = statistics.MetadataBytes;
        foreach (MemoryExtent extent in allocator.EnumerateExtents())
        {
            resident += Native.VirtualMemory.ResidentBytes(extent.Address, (nuint)extent.Bytes);
        }

        return (statistics, resident);
    }

    private static Timing TimePasses(ReplayRun run, TraceReplayOptions options)
    {
        long begin = Stopwatch.GetTimestamp();
        long lastGain = begin;
        double fastest = double.PositiveInfinity;
        for (int pass = 0; pass < LeastWarmUpPasses || (Stopwatch.GetElapsedTime(lastGain) < options.WarmUp && Stopwatch.GetElapsedTime(begin) < MostWarmUps * options.WarmUp); pass++)
        {
            options.Cancellation.ThrowIfCancellationRequested();
            double time = run.Time(out _);
            if (time < fastest * Gain)
            {
                fastest = time;
                lastGain = Stopwatch.GetTimestamp();
            }
        }

        double[] times = new double[options.TimedPasses];
        long managed = 0;
        for (int pass = 0; pass < times.Length; pass++)
        {
            options.Cancellation.ThrowIfCancellationRequested();
            times[pass] = run.Time(out long bytes);
            managed += bytes;
        }

        return new Timing(Median(times), times.Min(), (double)managed / times.Length);
    }

    /// <summary>Most bytes of alignment, of live objects that are aligned to more than a page.</summary>
    private static long AlignmentBytes(AllocationTrace trace)
    {
        const int PageLog2 = 12;
        byte[]? aligned = null;
        long now = 0;
        long most = 0;
        foreach (ref readonly TraceRecord record in trace.Records)
        {
            if (record.Operation == TraceOperation.AllocateAligned && record.AlignmentLog2 > PageLog2)
            {
                aligned ??= new byte[trace.SlotCount];
                aligned[record.Id] = (byte)record.AlignmentLog2;
                now += 1L << record.AlignmentLog2;
                most = Math.Max(most, now);
            }
            else if (record.Operation == TraceOperation.Free && aligned is not null && aligned[record.Id] != 0)
            {
                now -= 1L << aligned[record.Id];
                aligned[record.Id] = 0;
            }
        }

        return most;
    }

    private static unsafe double Overhead(AllocationTrace trace, bool isThreadSafe, CancellationToken cancellation)
    {
        nint block = (nint)NativeMemory.AllocZeroed(64);
        try
        {
            using ReplayRun run = Start(trace, new EmptyTarget(block), "nothing", isThreadSafe, cancellation);
            run.Time(out _);
            double[] times = new double[OverheadPasses];
            for (int pass = 0; pass < times.Length; pass++)
            {
                times[pass] = run.Time(out _);
            }

            return Median(times);
        }
        finally
        {
            NativeMemory.Free((void*)block);
        }
    }

    /// <summary>NaN for a trace without operations: what is left is the clock's own time.</summary>
    private static double PerOperation(double passNanoseconds, AllocationTrace trace) => trace.Count == 0 ? double.NaN : passNanoseconds / trace.Count;

    private static double Median(double[] values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }

    private sealed class Replaying(AllocationTrace trace, MemoryAllocator allocator, TraceReplayOptions options) : IReplayTargetVisitor<TraceReplayResult>
    {
        public TraceReplayResult Visit<T>(T target)
            where T : struct, IReplayTarget
            => Replay(trace, target, allocator, options);
    }

    /// <param name="Median">Nanoseconds of a pass.</param>
    /// <param name="Fastest">Nanoseconds of the fastest pass.</param>
    /// <param name="ManagedBytes">Bytes on the GC heap per pass.</param>
    private readonly record struct Timing(double Median, double Fastest, double ManagedBytes)
    {
        internal static Timing None => new(double.NaN, double.NaN, 0);
    }
}
