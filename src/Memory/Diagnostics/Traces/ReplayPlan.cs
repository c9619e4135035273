namespace DimensionStore.Memory;

/// <summary>One operation of one thread in a <see cref="ReplayPlan"/>.</summary>
internal struct PlannedOperation
{
    /// <summary>The record it comes from.</summary>
    internal int Record;
    internal uint Size;

    /// <summary>What the block had before, for a reallocation.</summary>
    internal uint OldSize;

    /// <summary>Where the block's address is read, for a free and a reallocation.</summary>
    internal int Source;

    /// <summary>Where the new address is written.</summary>
    internal int Target;
    internal ushort AlignmentLog2;
    internal TraceOperation Operation;

    /// <summary>The address at <see cref="Source"/> comes from another thread: wait until it is there.</summary>
    internal bool Waits;
    internal byte Pattern;
}

/// <summary>
/// A trace of several threads taken apart: for each thread its own records in order, and the places through which blocks travel from the thread that makes them to the one that frees
/// them.
/// </summary>
/// <remarks>
/// <para>
/// The order that a program's threads must keep is that of each thread and that of each object; the rest of the trace's order is how the scheduler happened to run them. So the
/// threads run freely, and one waits only for a block that another has not made yet. Handing a token from record to record was rejected: it costs two
/// cache-line transfers a record, up to 600 ns, and would measure those.
/// </para>
/// <para>
/// A place for a block that another thread will free is written once in a pass, so that "not 0" means "there". Places of blocks that stay on their thread are used
/// again at once, last freed first, and need no care.
/// </para>
/// </remarks>
internal sealed class ReplayPlan
{
    private const int PlacesPerCacheLine = 8;

    /// <summary>Records between two looks at whether to stop.</summary>
    private const int Step = 1 << 16;
    private const int Unknown = -1;
    private readonly List<PlannedOperation>[] _operations;
    private readonly List<byte>[] _sources;
    private readonly Stack<int>[] _free;
    private readonly int[] _localCount;
    private readonly int[] _sharedCount;

    internal ReplayPlan(AllocationTrace trace, CancellationToken cancellation = default)
    {
        int threads = trace.ThreadCount;
        _operations = Make(threads, () => new List<PlannedOperation>());
        _sources = Make(threads, () => new List<byte>());
        _free = Make(threads, () => new Stack<int>());
        _localCount = new int[threads];
        _sharedCount = new int[threads];
        var places = new int[trace.SlotCount];
        var makers = new byte[trace.SlotCount];
        var sizes = new uint[trace.SlotCount];
        short[] next = NextThreads(trace);
        for (int i = 0; i < trace.Count; i++)
        {
            StopIfAsked(i, cancellation);
            Add(i, trace.RecordArray[i], next[i], places, makers, ref sizes[trace.RecordArray[i].Id]);
        }

        int[] localBase = new int[threads];
        int[] sharedBase = new int[threads];
        int at = 0;
        for (int thread = 0; thread < threads; thread++)
        {
            localBase[thread] = at;
            at += RoundUp(_localCount[thread]);
            sharedBase[thread] = at;
            at += RoundUp(_sharedCount[thread]);
        }

        PlaceCount = at;
        Threads = new PlannedOperation[threads][];
        for (int thread = 0; thread < threads; thread++)
        {
            PlannedOperation[] operations = [.. _operations[thread]];
            for (int i = 0; i < operations.Length; i++)
            {
                StopIfAsked(i, cancellation);
                ref PlannedOperation operation = ref operations[i];
                byte maker = _sources[thread][i];
                operation.Source = Place(operation.Source, localBase[maker], sharedBase[maker]);
                operation.Target = Place(operation.Target, localBase[thread], sharedBase[thread]);
            }

            Threads[thread] = operations;
        }
    }

    /// <summary>The operations of each thread.</summary>
    internal PlannedOperation[][] Threads { get; }

    /// <summary>How many places for addresses there are.</summary>
    internal int PlaceCount { get; }

    /// <summary>Number of a thread's operations that come from records before <paramref name="record"/>.</summary>
    internal int CountBefore(int thread, int record)
    {
        int low = 0;
        int high = Threads[thread].Length;
        while (low < high)
        {
            int middle = low + ((high - low) / 2);
            if (Threads[thread][middle].Record < record)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>The places that hold live blocks when each thread has done so many of its operations.</summary>
    internal IEnumerable<int> LivePlaces(int[] done)
    {
        int[] live = new int[PlaceCount];
        for (int thread = 0; thread < Threads.Length; thread++)
        {
            foreach (ref readonly PlannedOperation operation in Threads[thread].AsSpan(0, done[thread]))
            {
                if (operation.Operation is TraceOperation.Free or TraceOperation.Reallocate)
                {
                    live[operation.Source]--;
                }

                if (operation.Operation is not TraceOperation.Free)
                {
                    live[operation.Target]++;
                }
            }
        }

        return Enumerable.Range(0, live.Length).Where(place => live[place] > 0);
    }

    /// <summary>For each record the thread that works on the object next, or <see cref="Unknown"/>.</summary>
    private static short[] NextThreads(AllocationTrace trace)
    {
        short[] next = new short[trace.Count];
        short[] seen = new short[trace.SlotCount];
        Array.Fill(seen, (short)Unknown);
        for (int i = trace.Count - 1; i >= 0; i--)
        {
            ref readonly TraceRecord record = ref trace.RecordArray[i];
            next[i] = seen[record.Id];
            seen[record.Id] = record.Operation is TraceOperation.Free or TraceOperation.Reallocate ? record.Thread : (short)Unknown;
        }

        return next;
    }

    private void Add(int index, in TraceRecord record, short next, int[] places, byte[] makers, ref uint size)
    {
        var operation = new PlannedOperation
        {
            Record = index,
            Size = record.Size,
            OldSize = size,
            AlignmentLog2 = record.AlignmentLog2,
            Operation = record.Operation,
            Pattern = ReplayLoop.Pattern(record.Id),
        };
        size = record.Size;
        byte source = 0;
        if (record.Operation is TraceOperation.Free or TraceOperation.Reallocate)
        {
            operation.Source = places[record.Id];
            source = makers[record.Id];
            operation.Waits = source != record.Thread;
            if (operation.Source >= 0)
            {
                _free[record.Thread].Push(operation.Source);
            }
        }

        if (record.Operation != TraceOperation.Free)
        {
            bool travels = next != Unknown && next != record.Thread;
            operation.Target = travels ? ~_sharedCount[record.Thread]++
                : _free[record.Thread].TryPop(out int place) ? place
                : _localCount[record.Thread]++;
            places[record.Id] = operation.Target;
            makers[record.Id] = record.Thread;
        }

        _operations[record.Thread].Add(operation);
        _sources[record.Thread].Add(source);
    }

    private static void StopIfAsked(int index, CancellationToken cancellation)
    {
        if (index % Step == 0)
        {
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private static int Place(int number, int localBase, int sharedBase) => number >= 0 ? localBase + number : sharedBase + ~number;

    /// <summary>Whole cache lines and one between, so that no two threads write to the same.</summary>
    private static int RoundUp(int places) => ((places + PlacesPerCacheLine - 1) / PlacesPerCacheLine * PlacesPerCacheLine) + PlacesPerCacheLine;

    private static TItem[] Make<TItem>(int count, Func<TItem> make)
    {
        var items = new TItem[count];
        for (int i = 0; i < count; i++)
        {
            items[i] = make();
        }

        return items;
    }
}
