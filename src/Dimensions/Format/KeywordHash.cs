using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
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
        uint state = Start;
        for (; foldedKeyword.Length >= BlockBytes; foldedKeyword = foldedKeyword[BlockBytes..])
        {
            state = Add(state, Vector128.Create(foldedKeyword));
        }

        if (!foldedKeyword.IsEmpty)
        {
            UInt128 last = 0;
            foldedKeyword.CopyTo(MemoryMarshal.AsBytes(new Span<UInt128>(ref last)));
            state = Add(state, Unsafe.BitCast<UInt128, Vector128<byte>>(last));
        }

        return Finish(state);
    }

    /// <summary>Takes in sixteen bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Add(uint state, Vector128<byte> block)
        => BitOperations.Crc32C(BitOperations.Crc32C(state, block.AsUInt64().ToScalar()), block.AsUInt64().GetElement(1));

    /// <summary>The hash after the last block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Finish(uint state) => ~state;
}
