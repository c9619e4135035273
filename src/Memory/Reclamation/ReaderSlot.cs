using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// What one thread tells reclaimers: whether it reads, and how often it has stopped reading. Only the owning thread writes it.
/// A slot outlives its thread and is taken over by a later one, so an index below <see cref="ReaderRegistry.SlotCount"/> always names a slot.
/// </summary>
internal sealed class ReaderSlot
{
    // Lower half: depth of nested brackets. Upper half: how many outermost brackets have been closed.
    // One word, so that a reclaimer sees both at once and Enter is a single store.
    private const long OneClosed = 1L << 32;

    private Thread _owner;
    private object? _tallyOwner;
    private HotLine _hot;

    internal ReaderSlot(int index, Thread owner)
    {
        _hot.Index = index;
        _owner = owner;
    }

    /// <summary>Position of this slot: dense, from 0, kept when a later thread takes the slot over. An owner may keep cells of its own by it.</summary>
    internal int Index
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _hot.Index;
    }

    /// <summary>A counter that only the owning thread increments, without any shared cache line. Sum over all slots: <see cref="ReaderRegistry.SumCounter"/>.</summary>
    internal ref long Counter
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref _hot.Counter;
    }

    /// <summary>Whom the increments of <see cref="Counter"/> since <see cref="TallyStart"/> are for. Set by the owning thread, with <see cref="TallyStart"/> first.</summary>
    internal object? TallyOwner
    {
        get => Volatile.Read(ref _tallyOwner);
        set => Volatile.Write(ref _tallyOwner, value);
    }

    /// <summary>What <see cref="Counter"/> was when <see cref="TallyOwner"/> was set.</summary>
    internal ref long TallyStart => ref _hot.TallyStart;

    /// <summary>At which value of <see cref="Counter"/> whoever counts wants to do more than count.</summary>
    internal ref long NextLook => ref _hot.NextLook;

    /// <summary>Whether a bracket is open. Exact on the owning thread.</summary>
    internal bool IsInside => (uint)Volatile.Read(ref _hot.State) != 0;

    /// <summary>Whether the owning thread has ended, so that nobody can be inside and the slot may be taken over.</summary>
    internal bool IsAbandoned => !Volatile.Read(ref _owner).IsAlive;

    /// <summary>State for <see cref="HasLeft"/>; 0 in the lower half when nobody is inside.</summary>
    internal long ReadState() => Volatile.Read(ref _hot.State);

    /// <summary>Whether the bracket that <see cref="ReadState"/> saw open is closed.</summary>
    internal bool HasLeft(long seen)
    {
        long now = Volatile.Read(ref _hot.State);
        return (uint)now == 0 || ((now ^ seen) >> 32) != 0 || IsAbandoned;
    }

    /// <summary>
    /// Counts one for somebody: an increment on the line that the bracket has just written, where a cell of the counter's own would cost a second chain of loads and stores.
    /// Owning thread only.
    /// </summary>
    /// <returns>False when there is more to do: it is somebody else's turn to be counted for, or <see cref="NextLook"/> is reached.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryCount(object owner)
    {
        long count = _hot.Counter + 1;
        _hot.Counter = count;
        return count < _hot.NextLook && ReferenceEquals(_tallyOwner, owner);
    }

    /// <summary>Opens a bracket. Owning thread only. README.md beside this file argues why two plain instructions suffice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Enter()
    {
        _hot.State++;

        // Not for the processor but for the compiler: a volatile read of the word just written cannot move before the write, and nothing
        // that follows can move before the volatile read. Its result is used because the JIT drops a volatile read whose result is not.
        if ((uint)Volatile.Read(ref _hot.State) == 0)
        {
            ThrowTooDeep();
        }
    }

    /// <summary>Closes a bracket. Owning thread only.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Exit()
    {
        long state = _hot.State;
        if ((uint)state == 1)
        {
            Volatile.Write(ref _hot.State, state + OneClosed - 1);
        }
        else if ((uint)state != 0)
        {
            _hot.State = state - 1;
        }
        else
        {
            ThrowNotInside();
        }
    }

    /// <summary>Gives an abandoned slot to a new thread. Under the registry's lock.</summary>
    internal void TakeOver(Thread owner)
    {
        // A bracket that the dead thread left open is closed here: a thread that has ended reads nothing any more.
        long state = _hot.State;
        if ((uint)state != 0)
        {
            Volatile.Write(ref _hot.State, (state & ~0xFFFF_FFFFL) + OneClosed);
        }

        Volatile.Write(ref _owner, owner);
    }

    // Left unmarked on purpose: the JIT knows a method as one that never returns, and keeps nothing alive over the call, only when it may look inside.
    private static void ThrowNotInside() => throw new InvalidOperationException("A read bracket was closed more often than it was opened. Dispose each bracket once, and do not copy it.");

    private static void ThrowTooDeep() => throw new InvalidOperationException("Four billion read brackets are open on this thread. Each one must be disposed.");

    /// <summary>The words a thread writes on every access, with 128 bytes (two lines, which x64 prefetches as a pair) of nothing on either side.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 128 + 64 + 128)]
    private struct HotLine
    {
        [FieldOffset(128)]
        internal long State;

        [FieldOffset(136)]
        internal long Counter;

        [FieldOffset(144)]
        internal int Index;

        [FieldOffset(152)]
        internal long NextLook;

        [FieldOffset(160)]
        internal long TallyStart;
    }
}
