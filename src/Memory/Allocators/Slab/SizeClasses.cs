using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// The block sizes of the general-purpose slabs: by 16 bytes up to 128, then eight to each doubling up to 32 KiB, so that a block is at most an eighth larger than what was asked for
/// (above 128 bytes; below, at most 15 bytes).
/// </summary>
internal static class SizeClasses
{
    /// <summary>How many there are.</summary>
    internal const int Count = 8 + (8 * 8);

    /// <summary>The largest block.</summary>
    internal const int MaxBytes = 32 << 10;

    /// <summary>How the slabs of each are cut.</summary>
    internal static readonly SlabGeometry[] All = MakeAll();

    /// <summary>The smallest class whose blocks have <paramref name="size"/> bytes, 1 to <see cref="MaxBytes"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Of(nuint size) => Unsafe.Add(ref MemoryMarshal.GetReference(SizeClassTables.ClassOfSixteenths), (size + 15) >> 4);

    /// <summary><see cref="SlabGeometry.SlackShift"/> of a class.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static int SlackShift(uint index) => Unsafe.Add(ref MemoryMarshal.GetReference(SizeClassTables.SlackShifts), (nuint)index);

    /// <summary>The smallest class whose blocks have that many bytes and lie at multiples of the alignment, or −1.</summary>
    internal static int Of(nuint size, nuint alignment)
    {
        nuint whole = (size + alignment - 1) & ~(alignment - 1);
        if (size > MaxBytes || alignment > SlabChunks.UnitBytes || whole > MaxBytes)
        {
            return -1;
        }

        for (int index = (int)Of(whole); index < Count; index++)
        {
            if (((nuint)All[index].BlockBytes & (alignment - 1)) == 0)
            {
                return index;
            }
        }

        return -1;
    }

    private static SlabGeometry[] MakeAll()
    {
        SlabGeometry[] all = new SlabGeometry[Count];
        for (int i = 0; i < Count; i++)
        {
            int blockBytes = i < 8 ? (i + 1) * 16 : (128 << ((i - 8) / 8)) + (((i - 8) % 8) + 1) * (16 << ((i - 8) / 8));
            all[i] = new SlabGeometry(blockBytes);
        }

        return all;
    }
}
