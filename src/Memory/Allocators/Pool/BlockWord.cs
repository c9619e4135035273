using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// What the allocator remembers about one block, in one 64-bit word outside the block: bits 0–31 owner, 32–61 requested bytes less one,
/// 62–63 state. One word, so that a free is one compare-and-swap and an enumeration never sees half of a change.
/// A free block's word keeps owner and size of its last life, so that a double free can name them.
/// </summary>
internal static class BlockWord
{
    /// <summary>Largest block whose requested size fits.</summary>
    internal const long MaxBlockBytes = 1L << 30;

    /// <summary>Never handed out; its bytes are zero. The value of a fresh page, so that a table needs no initialisation.</summary>
    internal const ulong Fresh = 0;

    private const int StateShift = 62;
    private const ulong Live = 1UL << StateShift;
    private const ulong Free = 2UL << StateShift;
    private const ulong FreeZero = 3UL << StateShift;
    private const ulong StateMask = 3UL << StateShift;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong MakeLive(nuint requested, OwnerId owner) => Live | ((ulong)(requested - 1) << 32) | (uint)owner.Value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsLive(ulong word) => word >> StateShift == 1;

    /// <summary>The word of a live block that is given back: state 1 becomes 2, the rest stays.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong ToFree(ulong live) => live ^ StateMask;

    /// <summary>Free and known to read as zero, because its pages were given back.</summary>
    internal static ulong ToFreeZero(ulong word) => word == Fresh ? Fresh : (word & ~StateMask) | FreeZero;

    /// <summary>Whether the bytes of a block that is not live are known to be zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsZero(ulong word) => (word & StateMask) is Fresh or FreeZero;

    /// <summary>Whether the block was live once and is free now.</summary>
    internal static bool WasFreed(ulong word) => (word & StateMask) >= Free;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nuint Requested(ulong word) => (nuint)((word & ~StateMask) >> 32) + 1;

    internal static OwnerId Owner(ulong word) => new((int)(uint)word);
}
