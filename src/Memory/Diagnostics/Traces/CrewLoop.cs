using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>The loops of <see cref="ReplayLoop"/> for one thread of several.</summary>
internal static unsafe class CrewLoop
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Run<T>(T target, PlannedOperation* operations, nint* places, int limit, ReplayPace pace, int thread, ref int position)
        where T : struct, IReplayTarget
    {
        target.Settle();
        int published = int.MinValue / 2;
        for (int i = position; i < limit; i++)
        {
            position = i;
            PlannedOperation* operation = operations + i;
            if (operation->Record - published >= ReplayPace.Step)
            {
                if (!pace.Keep(thread, operation->Record))
                {
                    return;
                }

                published = operation->Record;
            }

            nuint size = operation->Size;
            size += size == 0 ? 1u : 0u;
            nint block;
            switch (operation->Operation)
            {
                case TraceOperation.Allocate:
                    block = target.Allocate(size);
                    break;
                case TraceOperation.Free:
                    if (!TryTake(operation, places, pace, out nint freed))
                    {
                        return;
                    }

                    target.Free(freed);
                    continue;
                case TraceOperation.Reallocate:
                    if (!TryTake(operation, places, pace, out nint old))
                    {
                        return;
                    }

                    block = target.Reallocate(old, size);
                    break;
                case TraceOperation.AllocateZeroed:
                    block = target.AllocateZeroed(size);
                    break;
                default:
                    block = target.AllocateAligned(size, (nuint)1 << operation->AlignmentLog2);
                    break;
            }

            *(byte*)block = 1;
            Volatile.Write(ref places[operation->Target], block);
        }

        position = limit;
    }

    internal static void RunChecked<T>(T target, PlannedOperation* operations, nint* places, int limit, ReplayPace pace, int thread, ref int position, CancellationToken cancellation)
        where T : struct, IReplayTarget
    {
        target.Settle();
        for (; position < limit; position++)
        {
            PlannedOperation* operation = operations + position;
            if (!pace.Keep(thread, operation->Record))
            {
                return;
            }

            nint old = 0;
            if (operation->Operation is TraceOperation.Free or TraceOperation.Reallocate && !TryTake(operation, places, pace, out old))
            {
                return;
            }

            if (operation->Operation == TraceOperation.Free)
            {
                ReplayLoop.RequireContents(old, operation->Size, operation->Pattern, cancellation);
                target.Free(old);
                continue;
            }

            var record = new TraceRecord(operation->Operation, (byte)thread, operation->AlignmentLog2, 0, operation->Size);
            uint kept = operation->Operation == TraceOperation.Reallocate ? Math.Min(operation->OldSize, operation->Size) : 0;
            nint block = ReplayLoop.Make(target, &record, old);
            ReplayLoop.RequireBlock(&record, block, kept, operation->Pattern, cancellation);
            ReplayLoop.Fill(block, operation->Size, operation->Pattern, cancellation);
            Volatile.Write(ref places[operation->Target], block);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryTake(PlannedOperation* operation, nint* places, ReplayPace pace, out nint block)
    {
        block = Volatile.Read(ref places[operation->Source]);
        return !operation->Waits || block != 0 || TryAwait(ref places[operation->Source], pace, out block);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool TryAwait(ref nint place, ReplayPace pace, out nint block)
    {
        var wait = default(ReplayWait);
        while ((block = Volatile.Read(ref place)) == 0)
        {
            if (pace.IsStopped)
            {
                return false;
            }

            wait.Once();
        }

        return true;
    }
}
