using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// What one thread tells reclaimers: whether it reads, and how often it has stopped reading. Only the owning thread writes it.
/// A slot outlives its thread and is taken over by a later one, so an index below <see cref="ReaderRegistry.SlotCount"/> always names a slot.
/// </summary>
internal sealed unsafe class ReaderSlot
{
    // Pinned, so that the line has an address, and held here for as long as the process runs, since the registry lets no slot go.
    private readonly byte[] _memory = GC.AllocateArray<byte>(ReaderLine.Distance + (2 * ReaderLine.Bytes) + ReaderLine.Distance, pinned: true);
    private readonly ReaderLine* _line;
    private Thread _owner;
    private object? _tallyOwner;

    internal ReaderSlot(int index, Thread owner)
    {
        nint start = (nint)Unsafe.AsPointer(ref _memory[0]) + ReaderLine.Distance;
        _line = (ReaderLine*)((start + ReaderLine.Bytes - 1) & -ReaderLine.Bytes);
        _line->Index = index;
        _owner = owner;
    }

    /// <summary>The words that the owning thread writes.</summary>
    internal ReaderLine* Line => _line;

    /// <summary>Position of this slot: dense, from 0, kept when a later thread takes the slot over. An owner may keep cells of its own by it.</summary>
    internal int Index => _line->Index;

    /// <summary>A counter that only the owning thread increments, without any shared cache line. Sum over all slots: <see cref="ReaderRegistry.SumCounter"/>.</summary>
    internal ref long Counter => ref _line->Counter;

    /// <summary>Whom the increments of <see cref="Counter"/> since <see cref="TallyStart"/> are for.</summary>
    internal object? TallyOwner => Volatile.Read(ref _tallyOwner);

    /// <summary>What <see cref="Counter"/> was when <see cref="TallyOwner"/> was set.</summary>
    internal ref long TallyStart => ref _line->TallyStart;

    /// <summary>At which value of <see cref="Counter"/> whoever counts wants to do more than count.</summary>
    internal ref long NextLook => ref _line->NextLook;

    /// <summary>Whether a bracket is open. Exact on the owning thread.</summary>
    internal bool IsInside => (uint)Volatile.Read(ref _line->State) != 0;

    /// <summary>Whether the owning thread has ended, so that nobody can be inside and the slot may be taken over.</summary>
    internal bool IsAbandoned => !Volatile.Read(ref _owner).IsAlive;

    /// <summary>State for <see cref="HasLeft"/>; 0 in the lower half when nobody is inside.</summary>
    internal long ReadState() => Volatile.Read(ref _line->State);

    /// <summary>Whether the bracket that <see cref="ReadState"/> saw open is closed.</summary>
    internal bool HasLeft(long seen)
    {
        long now = Volatile.Read(ref _line->State);
        return (uint)now == 0 || ((now ^ seen) >> 32) != 0 || IsAbandoned;
    }

    /// <summary>Says whom increments are for from now on. Owning thread only.</summary>
    /// <param name="owner">Who.</param>
    /// <param name="tally">The owner's number, never 0, which <see cref="ReaderLine.TryCount"/> compares.</param>
    /// <param name="start">What <see cref="Counter"/> was before the first of them.</param>
    internal void SetTally(object owner, long tally, long start)
    {
        // The start first: who sums up meanwhile may miss what is new, but counts nothing twice.
        Volatile.Write(ref _line->TallyStart, start);
        Volatile.Write(ref _tallyOwner, owner);
        _line->Tally = tally;
    }

    /// <summary>Opens a bracket. Owning thread only.</summary>
    internal void Enter() => _line->Enter();

    /// <summary>Closes a bracket. Owning thread only.</summary>
    internal void Exit() => _line->Exit();

    /// <summary>Gives an abandoned slot to a new thread. Under the registry's lock.</summary>
    internal void TakeOver(Thread owner)
    {
        _line->CloseAll();
        Volatile.Write(ref _owner, owner);
    }
}
