using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// An open read bracket: what was reachable when it was opened stays mapped until it is disposed.
/// Use it in one <c>using</c> statement and do not copy it; <c>default</c> is not a bracket.
/// </summary>
public readonly unsafe ref struct ReadBracket
{
    private readonly ReaderLine* _line;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ReadBracket(ReaderLine* line) => _line = line;

    /// <summary>The slot of this thread.</summary>
    internal ReaderSlot Slot => ReaderRegistry.SlotAt(_line->Index);

    /// <summary>Counts an access; see <see cref="ReaderLine.TryCount"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryCount(long tally) => _line->TryCount(tally);

    /// <summary>Closes the bracket.</summary>
    /// <exception cref="InvalidOperationException">It is closed already, and so is every bracket around it.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispose() => _line->Exit();
}
