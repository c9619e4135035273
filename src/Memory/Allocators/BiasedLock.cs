using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// A lock that costs the thread which uses it most no interlocked instruction: the lock is biased to that thread, which enters with a plain store. Another thread that wants it takes
/// the bias away with a process-wide barrier (about a microsecond) and both use an ordinary <see cref="AllocatorLock"/> from then on, until one thread has
/// had it to itself for long enough to be given the bias again; each time it must be longer.
/// </summary>
/// <remarks>
/// <para>
/// The argument is that of <c>Reclamation/README.md</c>: the biased thread marks its record busy, then looks whether the record is still the lock's. Whoever takes the bias away clears
/// the lock's record, makes every thread execute a fence, and waits while the record is busy. Either the fence falls after the mark, and the other waits, or before it, and the
/// thread sees that its bias is gone.
/// </para>
/// <para>
/// Each biased thread has a record of its own. With one flag in the lock, a thread that was interrupted between looking and marking could clear, much later, the mark of the thread
/// that has the bias by then.
/// </para>
/// <para>Not re-entrant. A mutable struct: keep it in a field that is not read-only, and never copy it.</para>
/// </remarks>
internal struct BiasedLock
{
    private const int FirstStreak = 16;
    private const int LongestStreak = 1 << 20;

    private Record? _bias;
    private AllocatorLock _lock;
    private Record?[]? _known;
    private int _lastThread;
    private Streak _streak;
    private bool _closed;

    /// <summary>Waits until the lock is free and takes it.</summary>
    /// <returns>What <see cref="Exit"/> wants.</returns>
    /// <exception cref="ObjectDisposedException">The lock is closed; it is not taken.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Record? Enter()
    {
        if (!TryEnterBiased(out Record? entered))
        {
            EnterShared();
        }

        return entered;
    }

    /// <summary>Takes the lock if it is biased to this thread, and without waiting. False, and null, when it is not; the lock may be closed then.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryEnterBiased([NotNullWhen(true)] out Record? entered)
    {
        Record? bias = _bias;
        if (bias is not null && bias.Thread == ThreadNumber.Current)
        {
            // Why the mark is not read back: SlabHeap.Enter.
            Volatile.Write(ref bias.Busy, 1);
            if (Volatile.Read(ref _bias) == bias)
            {
                entered = bias;
                return true;
            }

            Volatile.Write(ref bias.Busy, 0);
        }

        entered = null;
        return false;
    }

    /// <summary>Whether another thread had the lock last: it is likely to have it next too, and taking it would cost both. A guess; the lock is not taken.</summary>
    internal readonly bool WasLastTakenByOther
    {
        get
        {
            int last = Volatile.Read(in _bias)?.Thread ?? Volatile.Read(in _lastThread);
            return last != 0 && last != ThreadNumber.Current;
        }
    }

    /// <summary>Gives the lock back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Exit(Record? entered)
    {
        if (entered is not null)
        {
            Volatile.Write(ref entered.Busy, 0);
        }
        else
        {
            _lock.Exit();
        }
    }

    /// <summary>Takes the lock and makes every later <see cref="Enter"/> throw. False when it was closed before; then it is not taken.</summary>
    internal bool TryEnterAndClose()
    {
        _lock.Enter();
        if (_closed)
        {
            _lock.Exit();
            return false;
        }

        Revoke();
        _closed = true;
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EnterShared()
    {
        _lock.Enter();
        if (_closed)
        {
            _lock.Exit();
            throw new ObjectDisposedException(nameof(MemoryAllocator), "The allocator is disposed.");
        }

        int thread = ThreadNumber.CurrentOrNew();
        if (_bias is not null)
        {
            Revoke();
            _streak.ForBias = Math.Min(_streak.ForBias * 4, LongestStreak);
            _streak.Length = 0;
        }

        if (_lastThread != thread)
        {
            _lastThread = thread;
            _streak.Length = 0;
        }
        else if (++_streak.Length > Math.Max(_streak.ForBias, FirstStreak))
        {
            // This entry still counts as one through the lock; the next one is biased.
            _streak.ForBias = Math.Max(_streak.ForBias, FirstStreak);
            _streak.Length = 0;
            try
            {
                Volatile.Write(ref _bias, RecordOf(thread));
            }
            catch (OutOfMemoryException)
            {
                // Without a record the thread goes on without the bias. It has the lock, and must not leave it taken.
            }
        }
    }

    /// <summary>Takes the bias away and waits until its thread is out. With the lock taken.</summary>
    private void Revoke()
    {
        Record? bias = _bias;
        if (bias is null)
        {
            return;
        }

        Volatile.Write(ref _bias, null);
        Native.VirtualMemory.ProcessWideBarrier();
        PatientWait wait = default;
        while (Volatile.Read(ref bias.Busy) != 0)
        {
            wait.SpinOnce();
        }

        wait.End();
    }

    /// <summary>
    /// The record of a thread: one of the last few, so that threads that have the bias in turns do not make garbage. Nobody else ever writes to a thread's record, so it may be used again. Only who is
    /// given the bias needs one, which is rarer each time it is taken away: with a record for each entry, more threads than records made one at every turn.
    /// </summary>
    private Record RecordOf(int thread)
    {
        _known ??= new Record?[8];
        foreach (Record? known in _known)
        {
            if (known is not null && known.Thread == thread)
            {
                return known;
            }
        }

        Record record = new(thread);
        _known[thread & (_known.Length - 1)] = record;
        return record;
    }

    /// <summary>
    /// A number for each thread that is never given to another one. <see cref="Environment.CurrentManagedThreadId"/> was rejected for its call, which costs as much as the rest of the lock.
    /// </summary>
    private static class ThreadNumber
    {
        private static int s_last;

        [ThreadStatic]
        private static int t_number;

        /// <summary>0 for a thread that has none yet.</summary>
        internal static int Current
        {
            [MethodImpl(MethodImplOptions.AggressiveInlining)]
            get => t_number;
        }

        internal static int CurrentOrNew()
        {
            if (t_number == 0)
            {
                t_number = Interlocked.Increment(ref s_last);
            }

            return t_number;
        }
    }

    /// <summary>
    /// The mark of one thread, with a cache line of nothing on either side of it. Whose it is lies on another line: other threads look at that at every turn, and would take the line away from
    /// the one that writes its mark.
    /// </summary>
    [StructLayout(LayoutKind.Explicit, Size = 320)]
    private struct Mark
    {
        [FieldOffset(64)]
        internal int Busy;

        [FieldOffset(192)]
        internal int Thread;
    }

    /// <summary>What every turn through the lock writes, away from what is looked at without it.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128)]
    private struct Streak
    {
        [FieldOffset(64)]
        internal int Length;

        [FieldOffset(68)]
        internal int ForBias;
    }

    /// <summary>Who the lock is biased to.</summary>
    internal sealed class Record
    {
        private Mark _mark;

        internal Record(int thread) => _mark.Thread = thread;

        internal int Thread => _mark.Thread;

        internal ref int Busy => ref _mark.Busy;
    }
}
