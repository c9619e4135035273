using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace DimensionStore;

/// <summary>
/// The hash that places a folded keyword in the index: CRC-32C of the keyword zero padded to a multiple of sixteen bytes. Two instructions for what sixteen bytes hold,
/// where a multiplying hash takes a dozen; <c>formats/JESSY_MMAP_V1.md</c> argues why a checksum spreads keywords well enough.
/// </summary>
internal static class KeywordHash
{
    /// <summary>Bytes that are taken in at once.</summary>
    public const int BlockBytes = 16;

    /// <summary>The state before the first block.</summary>
    public const uint Start = uint.MaxValue;

    /// <summary>Hashes a folded keyword.</summary>
    public static uint Compute(ReadOnlySpan<byte> foldedKeyword)
    {
        // In words: methods with vectors are compiled anew in every process, and this one is on the way to its first answer.
        uint state = Start;
        for (; foldedKeyword.Length >= BlockBytes; foldedKeyword = foldedKeyword[BlockBytes..])
        {
            state = Add(state, BinaryPrimitives.ReadUInt64LittleEndian(foldedKeyword), BinaryPrimitives.ReadUInt64LittleEndian(foldedKeyword[sizeof(ulong)..]));
        }

        if (!foldedKeyword.IsEmpty)
        {
            Span<byte> last = stackalloc byte[BlockBytes];
            last.Clear();
            foldedKeyword.CopyTo(last);
            state = Add(state, BinaryPrimitives.ReadUInt64LittleEndian(last), BinaryPrimitives.ReadUInt64LittleEndian(last[sizeof(ulong)..]));
        }

        return Finish(state);
    }

    /// <summary>Takes in sixteen bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Add(uint state, Vector128<byte> block) => Add(state, block.AsUInt64().ToScalar(), block.AsUInt64().GetElement(1));

    /// <summary>Takes in sixteen bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Add(uint state, ulong low, ulong high) => BitOperations.Crc32C(BitOperations.Crc32C(state, low), high);

    /// <summary>The hash after the last block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Finish(uint state) => ~state;
}
