using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DimensionStore.Memory;

/// <summary>
/// A leaf's 256 bits as one value. What is asked of them (where a run ends, which bits a block covers) has answers that differ from block to block, so a loop over words would be
/// mispredicted at nearly every call: everything here is done without branches.
/// </summary>
internal static unsafe class LeafBits
{
    /// <summary>The bits from <paramref name="position"/> on, 0 to 256.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<ulong> From(int position)
    {
        Vector256<long> word = Vector256.Create((long)position >> 6);
        Vector256<long> partly = Vector256.Equals(Vector256<long>.Indices, word) & Vector256.Create(-1L << position);
        return (partly | Vector256.GreaterThan(Vector256<long>.Indices, word)).AsUInt64();
    }

    /// <summary>The lowest set bit; 256 when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int First(Vector256<ulong> bits)
    {
        // The last word stands for "none" too: the lowest bit of an empty one is its 64th.
        int word = BitOperations.TrailingZeroCount(WordsWithBits(bits) | (1u << (LeafMap.LeafWords - 1)));
        return (word << 6) + BitOperations.TrailingZeroCount(Word(bits, word));
    }

    /// <summary>The place behind the highest set bit; 0 when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int BehindLast(Vector256<ulong> bits)
    {
        int word = BitOperations.Log2(WordsWithBits(bits) | 1);
        return (word << 6) + 64 - BitOperations.LeadingZeroCount(Word(bits, word));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint WordsWithBits(Vector256<ulong> bits) => ~Vector256.Equals(bits, Vector256<ulong>.Zero).ExtractMostSignificantBits() & ((1u << LeafMap.LeafWords) - 1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Word(Vector256<ulong> bits, int word)
    {
        // A copy of its own: a value whose address is taken is kept in memory by everybody who uses it.
        Vector256<ulong> stored = bits;
        return ((ulong*)&stored)[word];
    }
}
