using System.Runtime.CompilerServices;
using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Quick.Allocation;

/// <summary>Allocate one, free it. The size is a constant of the loop, for every contender, as that of a structure is in a program.</summary>
internal sealed class Pairs(nuint size, int count, bool twoThreads = false) : IReplayTargetVisitor<Func<long>>
{
    private interface IBlockSize
    {
        static abstract nuint Bytes { get; }
    }

    public Func<long> Visit<T>(T target)
        where T : struct, IReplayTarget
        => (int)size switch
        {
            64 => Loop<T, Bytes64>(target),
            1024 => Loop<T, Bytes1024>(target),
            16_384 => Loop<T, Bytes16384>(target),
            _ => throw new NotSupportedException($"There is no loop for pairs of {size:N0} bytes."),
        };

    private Func<long> Loop<T, TSize>(T target)
        where T : struct, IReplayTarget
        where TSize : struct, IBlockSize
        => twoThreads ? () => Race.OnTwoThreads(() => Run<T, TSize>(target)) : () => Run<T, TSize>(target);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private unsafe long Run<T, TSize>(T target)
        where T : struct, IReplayTarget
        where TSize : struct, IBlockSize
    {
        target.Settle();
        for (int i = 0; i < count; i++)
        {
            nint block = target.Allocate(TSize.Bytes);
            *(byte*)block = 1;
            target.Free(block);
        }

        return count;
    }

    private readonly struct Bytes64 : IBlockSize
    {
        public static nuint Bytes => 64;
    }

    private readonly struct Bytes1024 : IBlockSize
    {
        public static nuint Bytes => 1024;
    }

    private readonly struct Bytes16384 : IBlockSize
    {
        public static nuint Bytes => 16_384;
    }
}

/// <summary>Allocate a thousand, then free them in the same order.</summary>
internal sealed class Batches(nuint size, int rounds) : IReplayTargetVisitor<Func<long>>
{
    public Func<long> Visit<T>(T target)
        where T : struct, IReplayTarget
        => () => Run(target);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private unsafe long Run<T>(T target)
        where T : struct, IReplayTarget
    {
        target.Settle();
        const int Count = 1000;
        nint* blocks = stackalloc nint[Count];
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < Count; i++)
            {
                blocks[i] = target.Allocate(size);
                *(byte*)blocks[i] = 1;
            }

            for (int i = 0; i < Count; i++)
            {
                target.Free(blocks[i]);
            }
        }

        return (long)rounds * Count;
    }
}

/// <summary>So many live blocks of 16 B to 4 KB, one replaced at random by one of another size. The live blocks are made by the first batch, which no race times; contenders of one allocator may share them.</summary>
internal sealed class Churn(int live, int count, bool twoThreads = false, nint[]? shared = null) : IReplayTargetVisitor<Func<long>>
{
    public Func<long> Visit<T>(T target)
        where T : struct, IReplayTarget
    {
        nint[] blocks = shared ?? new nint[live];
        var others = new nint[twoThreads ? live : 0];
        return twoThreads
            ? () => Race.OnTwoThreads(Run(target, blocks, seed: 1), Run(target, others, seed: 2))
            : Run(target, blocks, seed: 1);
    }

    private Func<long> Run<T>(T target, nint[] blocks, uint seed)
        where T : struct, IReplayTarget
    {
        ulong state = seed;
        return () =>
        {
            if (blocks[0] == 0)
            {
                Fill(target, blocks, ref state);
            }

            return Replace(target, blocks, ref state);
        };
    }

    private static void Fill<T>(T target, nint[] blocks, ref ulong state)
        where T : struct, IReplayTarget
    {
        target.Settle();
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = target.Allocate(Size(Next(ref state)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private unsafe long Replace<T>(T target, nint[] blocks, ref ulong state)
        where T : struct, IReplayTarget
    {
        target.Settle();
        ulong random = state;
        for (int i = 0; i < count; i++)
        {
            ulong next = Next(ref random);
            ref nint block = ref blocks[(int)(((next >> 32) * (ulong)blocks.Length) >> 32)];
            target.Free(block);
            nint fresh = target.Allocate(Size(next));
            *(byte*)fresh = 1;
            block = fresh;
        }

        state = random;
        return count;
    }

    /// <summary>16 to 4,096 bytes, each as likely.</summary>
    internal static nuint Size(ulong random) => 16 + (nuint)(((random & 0xFFFFFFFF) * 4081) >> 32);

    /// <summary>SplitMix64 (Steele, Lea, Flood 2014).</summary>
    internal static ulong Next(ref ulong state)
    {
        ulong z = state += 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}

/// <summary>One thread allocates, another frees: every free is a foreign one. The ring between them holds 1,024 blocks.</summary>
internal sealed class ProducerConsumer(nuint size, int count) : IReplayTargetVisitor<Func<long>>
{
    private const int Ring = 1024;

    public Func<long> Visit<T>(T target)
        where T : struct, IReplayTarget
    {
        var ring = new nint[Ring];
        return () =>
        {
            Race.OnTwoThreads(() => Produce(target, ring), () => Consume(target, ring));
            return count;
        };
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private unsafe long Produce<T>(T target, nint[] ring)
        where T : struct, IReplayTarget
    {
        target.Settle();
        for (int i = 0; i < count; i++)
        {
            ref nint place = ref ring[i % Ring];
            nint block = target.Allocate(size);
            *(byte*)block = 1;
            while (Volatile.Read(ref place) != 0)
            {
                Thread.SpinWait(1);
            }

            Volatile.Write(ref place, block);
        }

        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private long Consume<T>(T target, nint[] ring)
        where T : struct, IReplayTarget
    {
        target.Settle();
        for (int i = 0; i < count; i++)
        {
            ref nint place = ref ring[i % Ring];
            nint block;
            while ((block = Volatile.Read(ref place)) == 0)
            {
                Thread.SpinWait(1);
            }

            Volatile.Write(ref place, 0);
            target.Free(block);
        }

        return 0;
    }
}

/// <summary>Two threads put blocks into the same places at random and free what was there: half of the frees are foreign.</summary>
internal sealed class Swap(int places, int count) : IReplayTargetVisitor<Func<long>>
{
    public Func<long> Visit<T>(T target)
        where T : struct, IReplayTarget
    {
        var shared = new nint[places];
        ulong first = 1;
        ulong second = 2;
        return () => Race.OnTwoThreads(() => Run(target, shared, ref first), () => Run(target, shared, ref second));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private unsafe long Run<T>(T target, nint[] shared, ref ulong state)
        where T : struct, IReplayTarget
    {
        target.Settle();
        ulong random = state;
        for (int i = 0; i < count; i++)
        {
            ulong next = Churn.Next(ref random);
            nint block = target.Allocate(Churn.Size(next));
            *(byte*)block = 1;
            nint old = Interlocked.Exchange(ref shared[(int)(((next >> 32) * (ulong)shared.Length) >> 32)], block);
            if (old != 0)
            {
                target.Free(old);
            }
        }

        state = random;
        return count;
    }
}

/// <summary>A recorded program.</summary>
internal sealed class TraceReplay(AllocationTrace trace) : IReplayTargetVisitor<Func<long>>, IDisposable
{
    // A batch of a short trace is several passes: the runtime compiles by time and by calls, and would not have ended with what is measured.
    private const int LeastOperations = 2_000_000;

    private readonly List<ReplayRun> _runs = [];
    private readonly int _passes = 1 + (LeastOperations / Math.Max(1, trace.Count));

    public Func<long> Visit<T>(T target)
        where T : struct, IReplayTarget
    {
        ReplayRun run = TraceReplayer.Start(trace, target, "rival", isThreadSafe: true);
        _runs.Add(run);
        return () =>
        {
            for (int pass = 0; pass < _passes; pass++)
            {
                run.Time(out _);
            }

            return (long)trace.Count * _passes;
        };
    }

    public void Dispose() => _runs.ForEach(run => run.Dispose());
}
