using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DimensionStore;

/// <summary>
/// Folding of keywords that are all ASCII, sixteen characters at a time, in registers and without a branch that depends on the length: lengths of keywords
/// come in no order, so each such branch would be guessed wrong every other time.
/// </summary>
internal static unsafe class AsciiKeyword
{
    /// <summary>Characters in a block, and bytes when they are folded.</summary>
    public const int BlockLength = KeywordHash.BlockBytes;

    // No page that is mapped is smaller, so what lies in the same one as a keyword's first byte can be read.
    private const int PageBytes = 4096;

    /// <summary>From place n on the indices that move sixteen bytes n places down and clear what is above.</summary>
    private static ReadOnlySpan<byte> ShiftWindow => [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255];

    /// <summary>Folds 1 to 16 characters.</summary>
    /// <param name="keyword">The first of them. Up to sixteen are loaded whatever the length, where that does not lead to another page; what is behind the keyword is masked.</param>
    /// <param name="length">How many.</param>
    /// <param name="folded">The folded bytes, zero padded.</param>
    /// <returns>
    /// False when they are not all ASCII, when there are none or more than sixteen, and when they lie too near the end of a page. A NUL, which is in no key, is let through.
    /// </returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryFold(scoped ref char keyword, int length, out Vector128<byte> folded)
    {
        if ((uint)(length - 1) < BlockLength && ((nuint)Unsafe.AsPointer(ref keyword) & (PageBytes - 1)) <= PageBytes - (BlockLength * sizeof(char)))
        {
            folded = ToLower(Load(ref keyword, 0)) & Mask(length);
            return folded.ExtractMostSignificantBits() == 0;
        }

        folded = default;
        return false;
    }

    /// <summary>The same, wherever the characters lie: they are copied first.</summary>
    public static bool TryFoldAnywhere(scoped ref char keyword, int length, out Vector128<byte> folded)
    {
        if ((uint)(length - 1) >= BlockLength)
        {
            folded = default;
            return false;
        }

        // Any ASCII but NUL fills up what is masked in the end.
        Span<char> room = ['x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x'];
        MemoryMarshal.CreateReadOnlySpan(ref keyword, length).CopyTo(room);
        bool isAscii = TryFoldBlock(ref MemoryMarshal.GetReference(room), 0, out folded);
        folded &= Mask(length);
        return isAscii;
    }

    /// <summary>Folds sixteen characters.</summary>
    /// <param name="keyword">The keyword's first character.</param>
    /// <param name="start">The first one to fold.</param>
    /// <param name="folded">The folded bytes.</param>
    /// <returns>False when they are not all ASCII. A NUL is let through.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryFoldBlock(scoped ref char keyword, int start, out Vector128<byte> folded)
    {
        folded = ToLower(Load(ref keyword, start));
        return folded.ExtractMostSignificantBits() == 0;
    }

    /// <summary>The mask that keeps the first 0 to 16 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Mask(int length) => Vector128.GreaterThan(Vector128.Create((sbyte)length), Vector128<sbyte>.Indices).AsByte();

    /// <summary>Moves bytes 0 to 16 places down and clears what becomes free.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> ShiftDown(Vector128<byte> bytes, int places)
        => Vector128.ShuffleNative(bytes, Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(ShiftWindow), (nuint)(uint)places));

    /// <summary>Sixteen UTF-16 units as bytes, of which those that are no bytes become 255.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Load(scoped ref char keyword, int start)
    {
        Vector256<ushort> units = Vector256.LoadUnsafe(ref Unsafe.As<char, ushort>(ref keyword), (nuint)(uint)start);
        if (Avx512BW.VL.IsSupported)
        {
            return Avx512BW.VL.ConvertToVector128ByteWithSaturation(units);
        }

        // Without that instruction x64 has one that takes its source as signed, which the highest units must not be.
        units = Vector256.Min(units, Vector256.Create((ushort)byte.MaxValue));
        return Sse2.IsSupported
            ? Sse2.PackUnsignedSaturate(units.GetLower().AsInt16(), units.GetUpper().AsInt16())
            : Vector128.Narrow(units.GetLower(), units.GetUpper());
    }

    /// <summary>Lower-cases ASCII: moved up so far, only A to Z end in the top 26 places below 128. What is no ASCII stays none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> ToLower(Vector128<byte> bytes)
    {
        Vector128<sbyte> moved = (bytes + Vector128.Create((byte)(0x7F - 'Z'))).AsSByte();
        return bytes | (Vector128.GreaterThan(moved, Vector128.Create((sbyte)(0x7F - 26))).AsByte() & Vector128.Create((byte)0x20));
    }
}
