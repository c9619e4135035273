using System.Numerics;
using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// Which bucket a free block belongs to. Blocks are counted in granules of 16 bytes. The specification's 12 small and 15 medium buckets are divided further (62 in
/// all, so that one 64-bit word says which have blocks): every multiple of 16 bytes below 512 is a bucket of its own, because programs ask for the same small sizes over and over
/// and an exact fit leaves no splinter; from there four to a doubling; the medium ones are as specified. A bucket holds the blocks from its own size up to the next one's,
/// so every block of a bucket fits a request of the bucket's size.
/// </summary>
internal static class SizeBuckets
{
    /// <summary>Number of buckets.</summary>
    internal const int Count = 62;

    /// <summary>Granules in the largest block that is kept in a bucket: 64 KiB. Larger ones are in the tree.</summary>
    internal const uint LargestGranules = 4096;

    private const int FirstMedium = 47;
    private const uint FirstMediumGranules = 512;
    private const uint ExactGranules = 31;

    /// <summary>The specification's bucket sizes in bytes: 12 small, 15 medium.</summary>
    internal static ReadOnlySpan<int> SpecifiedBytes =>
    [
        64, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096,
        8 << 10, 12 << 10, 16 << 10, 20 << 10, 24 << 10, 28 << 10, 32 << 10, 36 << 10, 40 << 10, 44 << 10, 48 << 10, 52 << 10, 56 << 10, 60 << 10, 64 << 10,
    ];

    /// <summary>The bucket of a block, or the last one whose size is not above a request. For 1 to <see cref="LargestGranules"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int Of(uint granules)
    {
        if (granules <= ExactGranules)
        {
            return (int)granules - 1;
        }

        if (granules >= FirstMediumGranules)
        {
            return FirstMedium + (int)(granules >> 8) - 2;
        }

        int order = BitOperations.Log2(granules);
        return (int)ExactGranules + ((order - 5) << 2) + (int)((granules >> (order - 2)) & 3);
    }

    /// <summary>Granules of the smallest block in a bucket; for <see cref="Count"/>, of the smallest block in the tree.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Smallest(int bucket)
    {
        if (bucket < ExactGranules)
        {
            return (uint)bucket + 1;
        }

        if (bucket >= FirstMedium)
        {
            // Behind the last bucket: what is longer is in the tree and must not be taken for one of the bucket.
            return bucket < Count ? (uint)(bucket - FirstMedium + 2) << 8 : LargestGranules + 1;
        }

        int above = bucket - (int)ExactGranules;
        return (uint)(4 + (above & 3)) << ((above >> 2) + 3);
    }

    /// <summary>Index in <see cref="SpecifiedBytes"/> of the smallest bucket that holds a request of that many bytes; its length for a large one.</summary>
    internal static int SpecifiedFor(long bytes)
    {
        int index = 0;
        while (index < SpecifiedBytes.Length && SpecifiedBytes[index] < bytes)
        {
            index++;
        }

        return index;
    }
}
