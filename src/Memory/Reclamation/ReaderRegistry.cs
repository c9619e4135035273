using System.Diagnostics;
using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// Decides when memory that readers may still hold can be unmapped. Readers bracket their access with two plain stores to a slot of their own thread;
/// a reclaimer pays a process-wide barrier and waits for the brackets that were open.
/// </summary>
/// <remarks>
/// The order that makes it safe: a reader opens its bracket and then reads the reference; a reclaimer overwrites the reference,
/// then drains, then unmaps. The argument is in README.md beside this file. Thread-safe; process-wide.
/// </remarks>
public static unsafe class ReaderRegistry
{
    private static readonly Lock s_gate = new();

    // Replaced, never changed, so that a reclaimer walks it without a lock.
    private static ReaderSlot[] s_slots = [];

    /// <summary>How many slots there are: the most threads that were registered at once.</summary>
    internal static int SlotCount => Volatile.Read(ref s_slots).Length;

    /// <summary>This thread's slot.</summary>
    internal static ReaderSlot CurrentSlot => SlotAt(CurrentLine->Index);

    private static ReaderLine* CurrentLine
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            nint line = ThreadLine.Current;
            return line != 0 ? (ReaderLine*)line : Register();
        }
    }

    /// <summary>Opens a bracket on this thread. Brackets nest. Close it on the same thread; it must not cross an await.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadBracket Enter()
    {
        ReaderLine* line = CurrentLine;
        line->Enter();
        return new ReadBracket(line);
    }

    /// <summary>A slot by its index.</summary>
    internal static ReaderSlot SlotAt(int index) => Volatile.Read(ref s_slots)[index];

    /// <summary>Waits until every bracket that was open at the call, on any other thread, is closed.</summary>
    /// <param name="timeout">How long to wait; <see cref="TimeSpan.Zero"/> looks once, <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <returns>
    /// False when <paramref name="timeout"/> passed first, or at once when the calling thread itself has a bracket open:
    /// it may still read what it is about to unmap, and waiting for itself would never end. After false, keep the memory and try again later.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="timeout"/> is negative and not infinite.</exception>
    public static bool TryDrain(TimeSpan timeout) => TryDrain(timeout, static () => false);

    /// <summary>Waits like <see cref="TryDrain(TimeSpan)"/>, and gives up early when the caller has a reason to.</summary>
    /// <param name="timeout">How long to wait.</param>
    /// <param name="giveUp">Asked while waiting. Several short waits would not do instead: each one begins anew with the brackets that are open by then.</param>
    internal static bool TryDrain(TimeSpan timeout, Func<bool> giveUp)
    {
        bool forever = timeout == Timeout.InfiniteTimeSpan;
        if (timeout < TimeSpan.Zero && !forever)
        {
            throw new ArgumentOutOfRangeException(nameof(timeout), timeout, "A wait must be zero or longer, or Timeout.InfiniteTimeSpan.");
        }

        ReaderSlot? own = ThreadLine.Current != 0 ? CurrentSlot : null;
        if (own is not null && own.IsInside)
        {
            return false;
        }

        VirtualMemory.ProcessWideBarrier();

        // Read after the barrier: a thread that registered later has not yet read anything that was unpublished before the barrier.
        ReaderSlot[] slots = Volatile.Read(ref s_slots);
        long started = Stopwatch.GetTimestamp();
        foreach (ReaderSlot slot in slots)
        {
            long seen = slot.ReadState();
            if ((uint)seen == 0 || ReferenceEquals(slot, own))
            {
                continue;
            }

            // SpinWait spins, then yields, then sleeps 1 ms a turn.
            SpinWait wait = default;
            while (!slot.HasLeft(seen))
            {
                if ((!forever && Stopwatch.GetElapsedTime(started) >= timeout) || giveUp())
                {
                    return false;
                }

                wait.SpinOnce(sleep1Threshold: 20);
            }
        }

        return true;
    }

    /// <summary>The sum of <see cref="ReaderSlot.Counter"/> over all threads, ended ones included: exact when they are quiet.</summary>
    internal static long SumCounter()
    {
        long sum = 0;
        foreach (ReaderSlot slot in Volatile.Read(ref s_slots))
        {
            sum += Volatile.Read(ref slot.Counter);
        }

        return sum;
    }

    /// <summary>What threads have counted for somebody and not credited yet: exact when they are quiet.</summary>
    internal static long SumTally(object owner)
    {
        long sum = 0;
        foreach (ReaderSlot slot in Volatile.Read(ref s_slots))
        {
            if (ReferenceEquals(slot.TallyOwner, owner))
            {
                sum += Math.Max(0, Volatile.Read(ref slot.Counter) - Volatile.Read(ref slot.TallyStart));
            }
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ReaderLine* Register()
    {
        Thread thread = Thread.CurrentThread;
        lock (s_gate)
        {
            ReaderSlot[] slots = s_slots;

            // Asking each owner whether it is alive, once per new thread, replaces a finalizer: slots come back at once instead of at
            // the next full collection, on this thread instead of on another, and under this lock instead of in a race.
            foreach (ReaderSlot abandoned in slots)
            {
                if (abandoned.IsAbandoned)
                {
                    abandoned.TakeOver(thread);
                    ThreadLine.Current = (nint)abandoned.Line;
                    return abandoned.Line;
                }
            }

            ReaderSlot slot = new(slots.Length, thread);
            ReaderSlot[] more = [.. slots, slot];
            Volatile.Write(ref s_slots, more);
            ThreadLine.Current = (nint)slot.Line;
            return slot.Line;
        }
    }

    /// <summary>
    /// Alone in its class, which has no initializers, so that reading it needs no check whether statics are set up. A number, because the runtime keeps
    /// those beside the thread itself, while references lie in an array that must be found, and whose presence must be checked, first.
    /// </summary>
    private static class ThreadLine
    {
        /// <summary>Address of this thread's line; 0 before its first bracket.</summary>
        [ThreadStatic]
        internal static nint Current;
    }
}
