using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// What is known about one small object, in 64 bits outside it: bits 0–31 owner, 32–39 bytes asked for, 40–48 the next free slot of the same chunk, 62–63 state.
/// A free object's word keeps owner and size of its last life, so that a double free can name them. 0 is the word of a slot that was never handed out.
/// </summary>
internal static class SmallWord
{
    private const int StateShift = 62;
    private const ulong Live = 1UL << StateShift;
    private const ulong Free = 2UL << StateShift;
    private const ulong FreeZero = 3UL << StateShift;
    private const ulong StateMask = 3UL << StateShift;
    private const int NextShift = 40;
    private const ulong NextMask = 0x1FFUL << NextShift;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong MakeLive(uint requested, OwnerId owner) => Live | ((ulong)requested << 32) | (uint)owner.Value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsLive(ulong word) => word >> StateShift == 1;

    /// <summary>The word of a live object that is given back in front of <paramref name="next"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong ToFree(ulong live, int next) => (live ^ StateMask) | ((ulong)next << NextShift);

    /// <summary>The word of a slot whose memory was given back to the system, so that it reads as zero next time.</summary>
    internal static ulong ToFreeZero(ulong word) => word == 0 ? 0 : (word & ~(StateMask | NextMask)) | FreeZero;

    /// <summary>Whether the bytes of a slot that is not live are known to be zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsZero(ulong word) => (word & StateMask) is 0 or FreeZero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Next(ulong word) => (int)((word & NextMask) >> NextShift);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Requested(ulong word) => (byte)(word >> 32);

    internal static OwnerId Owner(ulong word) => new((int)(uint)word);
}
