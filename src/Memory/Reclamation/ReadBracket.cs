using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// An open read bracket: what was reachable when it was opened stays mapped until it is disposed.
/// Use it in one <c>using</c> statement and do not copy it; <c>default</c> is not a bracket.
/// </summary>
public readonly ref struct ReadBracket
{
    private readonly ReaderSlot _slot;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ReadBracket(ReaderSlot slot) => _slot = slot;

    /// <summary>The slot of this thread; kept here so that closing needs no second look-up.</summary>
    internal ReaderSlot Slot
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _slot;
    }

    /// <summary>Closes the bracket.</summary>
    /// <exception cref="InvalidOperationException">It is closed already, and so is every bracket around it.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispose() => _slot.Exit();
}
