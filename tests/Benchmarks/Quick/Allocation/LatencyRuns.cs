using System.Diagnostics;
using System.Runtime.CompilerServices;
using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Quick.Allocation;

/// <summary>Times every call of the same sequence of replacements, in each run from the start on: visit as many targets in the same state as there are runs.</summary>
internal sealed class LatencyRuns : IReplayTargetVisitor<int>
{
    /// <summary>Blocks that live while calls are timed.</summary>
    public const int Live = 100_000;

    /// <summary>Runs.</summary>
    public const int Count = 5;

    private const int Calls = 100_000;
    private const int WarmCalls = 20_000;
    private const int WarmRounds = 3;

    private int _run;
    private long _managedBytes;

    /// <summary>The times of the allocations.</summary>
    public CallTimes Allocations { get; } = new(Count, Calls);

    /// <summary>The times of the frees.</summary>
    public CallTimes Frees { get; } = new(Count, Calls);

    /// <summary>Per call, on the GC heap.</summary>
    public double ManagedBytes => _managedBytes / (2.0 * Count * Calls);

    /// <summary>Does the next run.</summary>
    /// <returns>The runs so far.</returns>
    public unsafe int Visit<T>(T target)
        where T : struct, IReplayTarget
    {
        target.Settle();
        nint[] blocks = new nint[Live];
        ulong state = 1;
        for (int i = 0; i < Live; i++)
        {
            blocks[i] = target.Allocate(Churn.Size(Churn.Next(ref state)));
            *(byte*)blocks[i] = 1;
        }

        // Tier-1 code needs some hundred calls and a pause of the background compiler: else the first run is of code that no program runs for long.
        int[] allocations = Allocations.Of(_run);
        int[] frees = Frees.Of(_run);
        for (int warm = 0; warm < WarmRounds; warm++)
        {
            Replace(target, blocks, ref state, allocations.AsSpan(0, WarmCalls), frees);
            if (_run == 0)
            {
                Thread.Sleep(120);
            }
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        Replace(target, blocks, ref state, allocations, frees);
        _managedBytes += GC.GetAllocatedBytesForCurrentThread() - before;
        foreach (nint block in blocks)
        {
            target.Free(block);
        }

        return ++_run;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void Replace<T>(T target, nint[] blocks, ref ulong state, Span<int> allocations, int[] frees)
        where T : struct, IReplayTarget
    {
        for (int i = 0; i < allocations.Length; i++)
        {
            ulong next = Churn.Next(ref state);
            ref nint block = ref blocks[(int)(((next >> 32) * Live) >> 32)];

            // Read here and not while the clock runs, which waits for it: a program that frees a block has its address in hand.
            nint old = Volatile.Read(ref block);
            long begin = Stopwatch.GetTimestamp();
            target.Free(old);
            long middle = Stopwatch.GetTimestamp();
            frees[i] = (int)(middle - begin);
            begin = Stopwatch.GetTimestamp();
            block = target.Allocate(Churn.Size(next));
            allocations[i] = (int)(Stopwatch.GetTimestamp() - begin);
            *(byte*)block = 1;
        }
    }
}
