using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore;

/// <summary>CRC-32C (Castagnoli, reflected, initial value and final xor 0xFFFFFFFF; RFC 3720 appendix B.4) by the processor's own instruction where there is one.</summary>
internal static class Crc32C
{
    /// <summary>Checksum of no bytes; also where a running checksum begins.</summary>
    public const uint Empty = 0;

    /// <summary>Checksum of <paramref name="bytes"/>.</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes) => Append(Empty, bytes);

    /// <summary>Continues a checksum.</summary>
    /// <param name="checksum">Checksum of the bytes so far, <see cref="Empty"/> at first.</param>
    /// <param name="bytes">The bytes that follow.</param>
    public static uint Append(uint checksum, ReadOnlySpan<byte> bytes)
    {
        uint state = ~checksum;
        ref byte source = ref MemoryMarshal.GetReference(bytes);
        nint i = 0;
        for (; i + 8 <= bytes.Length; i += 8)
        {
            state = BitOperations.Crc32C(state, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, i)));
        }

        for (; i < bytes.Length; i++)
        {
            state = BitOperations.Crc32C(state, Unsafe.Add(ref source, i));
        }

        return ~state;
    }
}
