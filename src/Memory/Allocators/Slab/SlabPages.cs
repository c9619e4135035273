using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>The system's pages that a slab takes, and which of its blocks lie on each, whole or in part. Colour and what is left behind the last block count as the block's beside them.</summary>
internal readonly unsafe ref struct SlabPages
{
    private readonly byte* _states;
    private readonly int _blockBytes;
    private readonly int _colour;
    private readonly int _lastBlock;

    /// <summary>Looks at a slab.</summary>
    /// <param name="slab">The slab.</param>
    /// <param name="blockBytes">Bytes in each of its blocks.</param>
    /// <param name="colour">Bytes in front of its first block.</param>
    internal SlabPages(Slab* slab, int blockBytes, int colour)
    {
        _states = Slab.States(slab);
        _blockBytes = blockBytes;
        _colour = colour;
        _lastBlock = slab->Capacity - 1;
        Count = slab->Units * SlabChunks.UnitBytes / PageBytes;
    }

    /// <summary>Bytes in a page.</summary>
    internal static int PageBytes => VirtualMemory.PageSize;

    /// <summary>How many pages.</summary>
    internal int Count { get; }

    /// <summary>The first block of which a part lies on a page.</summary>
    internal int FirstBlockOf(int page) => Math.Min(_lastBlock, Math.Max(0, (page * PageBytes) - _colour) / _blockBytes);

    /// <summary>The last one.</summary>
    internal int LastBlockOf(int page) => Math.Min(_lastBlock, Math.Max(0, (page * PageBytes) + PageBytes - 1 - _colour) / _blockBytes);

    /// <summary>What a page's memory is needed for.</summary>
    internal SlabPageUse UseOf(int page)
    {
        int first = FirstBlockOf(page);
        ReadOnlySpan<byte> blocks = new(_states + first, LastBlockOf(page) - first + 1);
        return blocks.ContainsAnyInRange(BlockState.Live, byte.MaxValue) ? SlabPageUse.Live
            : blocks.Contains(BlockState.FreedElsewhere) ? SlabPageUse.Uncollected
            : blocks.ContainsAny(BlockState.Free, BlockState.Stale) ? SlabPageUse.Idle
            : SlabPageUse.Unbacked;
    }

    /// <summary>Notes that the memory of some pages in a row is gone.</summary>
    /// <param name="first">The first page.</param>
    /// <param name="end">The page behind the last.</param>
    /// <param name="keepsLast">Whether the block that lies across the end keeps its mark, for the pages behind it.</param>
    internal void MarkDiscarded(int first, int end, bool keepsLast)
    {
        int last = keepsLast ? FirstBlockOf(end) - 1 : LastBlockOf(end - 1);
        for (int i = FirstBlockOf(first); i <= last; i++)
        {
            _states[i] = _states[i] switch
            {
                BlockState.Free => BlockState.Discarded,
                BlockState.Stale => BlockState.DiscardedStale,

                // Pages come back as zeros on Linux alone.
                BlockState.Fresh when !OperatingSystem.IsLinux() => BlockState.DiscardedStale,
                byte state => state,
            };
        }
    }
}
