using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// The words of a <see cref="ReaderSlot"/> that its thread writes on every access: one cache line at an address that never changes. A thread finds it through
/// a thread-static number, which costs five instructions, where a thread-static reference costs eleven and a dependent load. Only the owning thread writes it.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Bytes)]
internal struct ReaderLine
{
    /// <summary>Bytes of a line.</summary>
    internal const int Bytes = 64;

    /// <summary>Bytes of nothing that a line has on either side: two lines, which x64 prefetches as a pair.</summary>
    internal const int Distance = 128;

    // Lower half: depth of nested brackets. Upper half: how many outermost brackets have been closed.
    // One word, so that a reclaimer sees both at once and Enter is a single store.
    private const long OneClosed = 1L << 32;

    /// <summary>Depth of brackets and how many outermost ones have been closed.</summary>
    [FieldOffset(0)]
    internal long State;

    /// <summary>See <see cref="ReaderSlot.Counter"/>.</summary>
    [FieldOffset(8)]
    internal long Counter;

    /// <summary>At which value of <see cref="Counter"/> whoever counts wants to do more than count.</summary>
    [FieldOffset(16)]
    internal long NextLook;

    /// <summary>The number of whom the increments of <see cref="Counter"/> are for: a number, because a line outside the heap holds no references.</summary>
    [FieldOffset(24)]
    internal long Tally;

    /// <summary>See <see cref="ReaderSlot.TallyStart"/>.</summary>
    [FieldOffset(32)]
    internal long TallyStart;

    /// <summary>See <see cref="ReaderSlot.Index"/>.</summary>
    [FieldOffset(40)]
    internal int Index;

    /// <summary>
    /// Counts one for somebody: an increment on the line that the bracket has just written, where a cell of the counter's own would cost a second chain of loads and stores.
    /// Owning thread only.
    /// </summary>
    /// <returns>False when there is more to do: it is somebody else's turn to be counted for, or <see cref="NextLook"/> is reached.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryCount(long tally)
    {
        long count = Counter + 1;
        Counter = count;
        return count < NextLook && Tally == tally;
    }

    /// <summary>Opens a bracket. Owning thread only. README.md beside this file argues why two plain instructions suffice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Enter()
    {
        State++;

        // Not for the processor but for the compiler: a volatile read of the word just written cannot move before the write, and nothing
        // that follows can move before the volatile read. Its result is used because the JIT drops a volatile read whose result is not.
        if ((uint)Volatile.Read(ref State) == 0)
        {
            ThrowTooDeep();
        }
    }

    /// <summary>Closes a bracket. Owning thread only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Exit()
    {
        long state = State;
        if ((uint)state == 1)
        {
            Volatile.Write(ref State, state + OneClosed - 1);
        }
        else if ((uint)state != 0)
        {
            State = state - 1;
        }
        else
        {
            ThrowNotInside();
        }
    }

    /// <summary>Closes what a thread that has ended left open: it reads nothing any more. By whoever takes the slot over.</summary>
    internal void CloseAll()
    {
        long state = State;
        if ((uint)state != 0)
        {
            Volatile.Write(ref State, (state & ~0xFFFF_FFFFL) + OneClosed);
        }
    }

    // Left unmarked on purpose: the JIT knows a method as one that never returns, and keeps nothing alive over the call, only when it may look inside.
    private static void ThrowNotInside() => throw new InvalidOperationException("A read bracket was closed more often than it was opened. Dispose each bracket once, and do not copy it.");

    private static void ThrowTooDeep() => throw new InvalidOperationException("Four billion read brackets are open on this thread. Each one must be disposed.");
}
