using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>
/// How slabs of one block size are cut: how many units a small and a large slab take, how many blocks that makes, and the numbers that turn an offset into a block index.
/// </summary>
internal readonly struct SlabGeometry
{
    /// <summary>Most blocks in a slab: one 64-bit word of groups of 64.</summary>
    internal const int MaxBlocks = 64 * 64;

    /// <summary>The smallest block.</summary>
    internal const int LeastBytes = 16;

    /// <summary>Works the geometry out for a block size, a multiple of 16 from <see cref="LeastBytes"/> to 32 KiB.</summary>
    internal SlabGeometry(int blockBytes)
    {
        BlockBytes = blockBytes;

        // The low 32 bits of offset × reciprocal are below the reciprocal exactly for multiples of the block size, and the high ones are the index,
        // as long as offset × (reciprocal × size − 2^32) stays below 2^32: above 16 KiB a slab therefore takes at most 8 units.
        Reciprocal = (uint)(((1UL << 32) + (uint)blockBytes - 1) / (uint)blockBytes);
        int most = blockBytes > 16 << 10 ? 8 : 16;
        SmallUnits = Units(blockBytes, 1, most, blockBytes > 4 << 10 ? 2 : 4, 0, 0.13);
        LargeUnits = Units(blockBytes, SmallUnits, most, 4, Math.Min(64 << 10, most * SlabChunks.UnitBytes), 0.05);

        // What was asked for is kept as the slack behind it in 7 bits: exact up to 2 KiB, where classes are at most 128 bytes apart, in quanta above.
        int step = blockBytes <= 128 ? 16 : (int)BitOperations.RoundUpToPowerOf2((uint)blockBytes) / 16;
        SlackShift = Math.Max(0, BitOperations.Log2((uint)step) - 7);
    }

    /// <summary>Bytes in a block.</summary>
    internal int BlockBytes { get; }

    /// <summary>2^32 over the block size, rounded up.</summary>
    internal uint Reciprocal { get; }

    /// <summary>Units of a slab while few are in use.</summary>
    internal int SmallUnits { get; }

    /// <summary>Units of a slab once several are in use.</summary>
    internal int LargeUnits { get; }

    /// <summary>Binary logarithm of the quantum in which slack is recorded.</summary>
    internal int SlackShift { get; }

    /// <summary>The block size that a <see cref="Reciprocal"/> is of: exact, because rounding it up made less than a quarter of a byte's difference.</summary>
    internal static int BlockBytesOf(uint reciprocal) => (int)(((1UL << 32) + reciprocal - 1) / reciprocal);

    /// <summary>Blocks that fit in so many units behind <paramref name="colour"/> bytes.</summary>
    internal int BlocksIn(int units, int colour = 0) => Math.Min(MaxBlocks, ((units * SlabChunks.UnitBytes) - colour) / BlockBytes);

    /// <summary>
    /// Bytes for the states of a slab's blocks, whole groups of 64. Where the blocks do not fill the slab there is one more, of a block that never is live: an address behind the last block leads
    /// to it, so that a free need not compare with the capacity.
    /// </summary>
    internal int StateBytes(int units, int capacity)
    {
        int beyond = capacity * BlockBytes < units * SlabChunks.UnitBytes ? 1 : 0;
        return (capacity + beyond + 63) & ~63;
    }

    /// <summary>The fewest units from <paramref name="least"/> on that hold enough blocks and waste at most so much, or else those that waste least.</summary>
    private static int Units(int blockBytes, int least, int most, int blocks, int bytes, double waste)
    {
        int best = most;
        double leastWaste = 1;
        for (int units = least; units <= most; units++)
        {
            int total = units * SlabChunks.UnitBytes;
            if (total < bytes || total / blockBytes < Math.Min(blocks, most * SlabChunks.UnitBytes / blockBytes) || total / blockBytes > MaxBlocks)
            {
                continue;
            }

            double wasted = (double)(total % blockBytes) / total;
            if (wasted <= waste)
            {
                return units;
            }

            if (wasted < leastWaste)
            {
                (best, leastWaste) = (units, wasted);
            }
        }

        return best;
    }
}
