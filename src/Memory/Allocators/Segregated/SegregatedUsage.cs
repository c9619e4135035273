namespace DimensionStore.Memory;

/// <summary>The specification's <c>stats()</c> of a <see cref="SegregatedAllocator"/>. Bytes are usable bytes of live blocks, in relation to the capacity.</summary>
public readonly record struct SegregatedUsage
{
    /// <summary>The capacity.</summary>
    public long TotalBytes { get; init; }

    /// <summary>Bytes in live blocks.</summary>
    public long UsedBytes { get; init; }

    /// <summary>Bytes that are neither live nor used up otherwise: the capacity less <see cref="UsedBytes"/>.</summary>
    public long AvailableBytes => TotalBytes - UsedBytes;

    /// <summary><see cref="UsedBytes"/> in percent of <see cref="TotalBytes"/>, 0 to 100.</summary>
    public double UsagePercent => TotalBytes == 0 ? 0 : UsedBytes * 100.0 / TotalBytes;

    /// <summary>How full it is, by the thresholds.</summary>
    public PressureLevel Pressure { get; init; }

    /// <summary>Live blocks.</summary>
    public long AllocatedBlocks { get; init; }

    /// <summary>Free blocks in committed memory.</summary>
    public long FreeBlocks { get; init; }

    /// <summary>Bytes in <see cref="FreeBlocks"/>.</summary>
    public long FreeBytes { get; init; }

    /// <summary>Bytes of the largest of <see cref="FreeBlocks"/>.</summary>
    public long LargestFreeBytes { get; init; }

    /// <summary>The part of <see cref="FreeBytes"/> that is not in the largest free block, 0 to 1: 0 when all free memory lies together.</summary>
    public double FragmentationRatio => FreeBytes == 0 ? 0 : 1 - ((double)LargestFreeBytes / FreeBytes);

    /// <summary>Blocks that were freed since the last collection.</summary>
    public long DeallocatedBlocks { get; init; }
}
