using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// The block sizes of the general-purpose slabs: by 16 bytes up to 128, then eight to each doubling up to 32 KiB, so that a block is at most an eighth larger than what was asked for
/// (above 128 bytes; below, at most 15 bytes).
/// </summary>
internal static unsafe class SizeClasses
{
    /// <summary>How many there are.</summary>
    internal const int Count = 8 + (8 * 8);

    /// <summary>The largest block.</summary>
    internal const int MaxBytes = 32 << 10;

    /// <summary>How the slabs of each are cut.</summary>
    internal static readonly SlabGeometry[] All = MakeAll();

    // A pointer rather than a span: a static read-only number is a constant in optimised code, so that a look-up is one load.
    private static readonly byte* s_classOfSize = MakeTable();

    /// <summary>The smallest class whose blocks have <paramref name="size"/> bytes, 1 to <see cref="MaxBytes"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static uint Of(nuint size) => s_classOfSize[(size + 15) >> 4];

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

    // Lives as long as the process.
    private static byte* MakeTable()
    {
        byte* table = (byte*)NativeMemory.Alloc((MaxBytes / 16) + 1);
        int index = 0;
        for (int sixteenths = 0; sixteenths <= MaxBytes / 16; sixteenths++)
        {
            index += All[index].BlockBytes < sixteenths * 16 ? 1 : 0;
            table[sixteenths] = (byte)index;
        }

        return table;
    }
}
