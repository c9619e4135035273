using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// Does with an allocator what a program did with its own, and measures. What is measured and how is in README.md beside this file.
/// </summary>
public static class TraceReplayer
{
    private const int LeastWarmUpPasses = 2;
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
    /// <exception cref="OperationCanceledException">The replay was stopped between two passes.</exception>
    public static TraceReplayResult Replay(AllocationTrace trace, MemoryAllocator allocator, TraceReplayOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(trace);
        ArgumentNullException.ThrowIfNull(allocator);
        options ??= new TraceReplayOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(options.TimedPasses, nameof(options));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.TimedPasses, 1000, nameof(options));
        return ReplayTargets.Dispatch(allocator, new Replaying(trace, allocator, options));
    }

    /// <summary>
    /// Replays a trace through <see cref="NativeMemory"/>, the system's <c>malloc</c>, against the clock only: the figure to compare others with.
    /// </summary>
    /// <returns>Nanoseconds per operation, as in <see cref="TraceReplayResult.NsPerOperation"/>.</returns>
    /// <exception cref="TraceReplayException">The system has no memory left.</exception>
    public static double TimeNativeMemory(AllocationTrace trace, TraceReplayOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(trace);
        options ??= new TraceReplayOptions();
        using ReplayRun run = Start(trace, default(NativeTarget), nameof(NativeMemory), isThreadSafe: true);
        return TimePasses(run, options).Median / Math.Max(1, trace.Count);
    }

    /// <summary>
    /// A capacity at which every allocator of the toolkit can follow a trace: four times the bytes it has live at most and a page for each of its objects, at least 1 GiB, a power
    /// of two. It is address space; memory is committed as it is used.
    /// </summary>
    public static long SuggestCapacity(AllocationTrace trace)
    {
        ArgumentNullException.ThrowIfNull(trace);
        long most = trace.PeakLiveBytes + (trace.PeakLiveObjects * 4096L);
        return Math.Max(1L << 30, (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Min(most, 1L << 42) * 4));
    }

    /// <summary>Only the passes against the clock, for what is no <see cref="MemoryAllocator"/>: a peer.</summary>
    internal static ReplayRun Start<T>(AllocationTrace trace, T target, string name, bool isThreadSafe)
        where T : struct, IReplayTarget
        => isThreadSafe && trace.ThreadCount > 1
            ? new CrewReplay<T>(trace, new ReplayPlan(trace), target, name)
            : new SingleReplay<T>(trace, target, name);

    private static TraceReplayResult Replay<T>(AllocationTrace trace, T target, MemoryAllocator allocator, TraceReplayOptions options)
        where T : struct, IReplayTarget
    {
        using ReplayRun run = Start(trace, target, allocator.Name, allocator.IsThreadSafe);
        run.RunChecked(Math.Min(trace.PeakRecord + 1, trace.Count));
        (AllocatorStatistics peak, long? resident) = Measure(allocator);
        run.RunChecked(trace.Count);
        long peakCommitted = allocator.GetStatistics().PeakCommittedBytes;
        run.FreeLive();
        Timing timing = options.TimedPasses == 0 ? Timing.None : TimePasses(run, options);
        double operations = Math.Max(1, trace.Count);
        return new TraceReplayResult
        {
            Allocator = allocator.Name,
            Operations = trace.Count,
            NsPerOperation = timing.Median / operations,
            FastestNsPerOperation = timing.Fastest / operations,
            ReplayOverheadNs = options.TimedPasses == 0 ? double.NaN : Overhead(trace, allocator.IsThreadSafe) / operations,
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
        for (int pass = 0; pass < LeastWarmUpPasses || Stopwatch.GetElapsedTime(begin) < options.WarmUp; pass++)
        {
            options.Cancellation.ThrowIfCancellationRequested();
            run.Time(out _);
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

    private static unsafe double Overhead(AllocationTrace trace, bool isThreadSafe)
    {
        nint block = (nint)NativeMemory.AllocZeroed(64);
        try
        {
            using ReplayRun run = Start(trace, new EmptyTarget(block), "nothing", isThreadSafe);
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
