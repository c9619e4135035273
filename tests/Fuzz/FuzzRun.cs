using System.Diagnostics;

namespace DimensionStore.Fuzz;

/// <summary>Runs inputs on several threads until one is answered wrongly, all are done, or time is up.</summary>
internal sealed class FuzzRun(ulong seed, long inputs, TimeSpan timeLimit, int threads, Func<FuzzOracle> oracle)
{
    private const int Block = 256;

    /// <summary>An input is a few kilobytes; what takes this long does not end.</summary>
    private static readonly TimeSpan HangLimit = TimeSpan.FromSeconds(60);

    private readonly FuzzSeed[] _seeds = FuzzSeed.All();
    private readonly long[] _startedAt = new long[threads];
    private readonly long[] _current = new long[threads];
    private readonly Lock _lock = new();
    private long _next;
    private long _done;
    private volatile bool _stop;

    /// <summary>Inputs that were checked.</summary>
    public long Done => Interlocked.Read(ref _done);

    /// <summary>Of these, images whose header and metadata were accepted.</summary>
    public long Parsed { get; private set; }

    /// <summary>Of these, images that passed a full verification.</summary>
    public long Verified { get; private set; }

    /// <summary>The first wrong answer, or null.</summary>
    public string? Failure { get; private set; }

    /// <summary>The image that was answered wrongly.</summary>
    public byte[]? FailingImage { get; private set; }

    /// <summary>Runs.</summary>
    /// <param name="progress">Called about every ten seconds, when more than one thread or a time limit makes the run a long one.</param>
    public void Run(Action<FuzzRun>? progress = null)
    {
        long begin = Stopwatch.GetTimestamp();
        var workers = new Thread[threads];
        for (int i = 0; i < threads; i++)
        {
            int worker = i;
            workers[i] = new Thread(() => Work(worker)) { IsBackground = true };
            workers[i].Start();
        }

        TimeSpan reported = TimeSpan.Zero;
        foreach (Thread worker in workers)
        {
            while (!worker.Join(100))
            {
                TimeSpan elapsed = Stopwatch.GetElapsedTime(begin);
                _stop |= elapsed > timeLimit;
                if (FindHang())
                {
                    return;
                }

                if (elapsed - reported > TimeSpan.FromSeconds(10))
                {
                    reported = elapsed;
                    progress?.Invoke(this);
                }
            }
        }
    }

    private void Work(int worker)
    {
        var mutator = new FuzzMutator(_seeds);
        FuzzOracle judge = oracle();
        while (!_stop)
        {
            long first = Interlocked.Add(ref _next, Block) - Block;
            long end = Math.Min(first + Block, inputs);
            if (first >= end)
            {
                break;
            }

            for (long input = first; input < end && !_stop; input++)
            {
                Span<byte> image = mutator.Make(seed, (ulong)input);
                Volatile.Write(ref _current[worker], input);
                Volatile.Write(ref _startedAt[worker], Stopwatch.GetTimestamp());
                string? failure = judge.Check(image);
                Volatile.Write(ref _startedAt[worker], 0);
                Interlocked.Increment(ref _done);
                if (failure is not null)
                {
                    Fail(failure, input, image.ToArray());
                }
            }
        }

        lock (_lock)
        {
            Parsed += judge.Parsed;
            Verified += judge.Verified;
        }
    }

    private bool FindHang()
    {
        for (int i = 0; i < _startedAt.Length; i++)
        {
            long started = Volatile.Read(ref _startedAt[i]);
            if (started != 0 && Stopwatch.GetElapsedTime(started) > HangLimit)
            {
                long input = Volatile.Read(ref _current[i]);
                Fail($"no answer within {HangLimit.TotalSeconds:N0} s", input, new FuzzMutator(_seeds).Make(seed, (ulong)input).ToArray());
                return true;
            }
        }

        return false;
    }

    private void Fail(string failure, long input, byte[] image)
    {
        lock (_lock)
        {
            if (Failure is null)
            {
                Failure = $"input {input:N0} of seed {seed}: {failure}";
                FailingImage = image;
            }
        }

        _stop = true;
    }
}
