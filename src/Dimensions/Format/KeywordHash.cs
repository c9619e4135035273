using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace DimensionStore;

/// <summary>
/// The 64-bit hash that places a folded keyword in the index; defined byte for byte in <c>formats/JESSY_MMAP_V1.md</c>.
/// Multiply-and-fold mixing of eight bytes at a time, after Wang Yi's wyhash (public domain).
/// </summary>
internal static class KeywordHash
{
    private const ulong LengthFactor = 0x9E3779B97F4A7C15;
    private const ulong WordFactor = 0xA0761D6478BD642F;
    private const ulong EndMask = 0xE7037ED1A0B428DB;
    private const ulong EndFactor = 0x8EBC6AF09C88C6E3;

    /// <summary>Hashes a folded keyword.</summary>
    public static ulong Compute(ReadOnlySpan<byte> foldedKeyword)
    {
        ref byte source = ref MemoryMarshal.GetReference(foldedKeyword);
        int length = foldedKeyword.Length;
        ulong hash = Start(length);
        int i = 0;
        for (; i + 8 <= length; i += 8)
        {
            hash = Add(hash, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, i)));
        }

        if (i < length)
        {
            hash = Add(hash, LastWord(ref source, length));
        }

        return Finish(hash);
    }

    /// <summary>The state before the first word of a keyword of <paramref name="length"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Start(int length) => (ulong)(uint)length * LengthFactor;

    /// <summary>Takes in eight bytes, read as a little-endian number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Add(ulong hash, ulong word) => MultiplyFold(hash ^ word, WordFactor);

    /// <summary>The hash after the last word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Finish(ulong hash) => MultiplyFold(hash ^ EndMask, EndFactor);

    /// <summary>The last, incomplete word of <paramref name="length"/> bytes, zero padded; overlapping loads, since a copy of variable length would cost more than the hash.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong LastWord(ref byte source, int length)
    {
        int rest = length & 7;
        if (length >= 8)
        {
            return Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, length - 8)) >> (64 - (rest * 8));
        }

        if (length >= 4)
        {
            ulong low = Unsafe.ReadUnaligned<uint>(ref source);
            ulong high = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref source, length - 4));
            return low | (high >> (64 - (rest * 8)) << 32);
        }

        ulong first = source;
        if (length >= 2)
        {
            first |= (ulong)Unsafe.Add(ref source, 1) << 8;
            first |= (ulong)Unsafe.Add(ref source, length - 1) << (8 * (length - 1));
        }

        return first;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong MultiplyFold(ulong a, ulong b)
    {
        // Two multiplications: the instruction that gives both halves stores one of them to memory, where the next step of the hash would wait for it.
        ulong high = Bmi2.X64.IsSupported ? Bmi2.X64.MultiplyNoFlags(a, b) : Math.BigMul(a, b, out _);
        return (a * b) ^ high;
    }
}
