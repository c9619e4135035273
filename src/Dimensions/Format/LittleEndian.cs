using System.Runtime.CompilerServices;

namespace DimensionStore;

/// <summary>
/// Unaligned loads from bytes whose bounds the caller has checked. The index is searched in place by vector compares over little-endian words,
/// so this library runs on little-endian machines only: all that .NET is released for but one.
/// </summary>
internal static class LittleEndian
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint U32(ref byte source) => Unsafe.ReadUnaligned<uint>(ref source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong U64(ref byte source) => Unsafe.ReadUnaligned<ulong>(ref source);

    /// <summary>The last, perhaps incomplete word of <paramref name="length"/> bytes, zero padded; overlapping loads, since a copy of variable length would cost more than all that is done with it.</summary>
    public static ulong LastWord(ref byte source, int length)
    {
        if (length >= 8)
        {
            return Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, length - 8)) >> ((-length & 7) * 8);
        }

        if (length >= 4)
        {
            ulong low = Unsafe.ReadUnaligned<uint>(ref source);
            ulong high = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref source, length - 4));
            return low | (high >> (64 - (length * 8)) << 32);
        }

        ulong first = source;
        if (length >= 2)
        {
            first |= (ulong)Unsafe.Add(ref source, 1) << 8;
            first |= (ulong)Unsafe.Add(ref source, length - 1) << (8 * (length - 1));
        }

        return first;
    }
}
