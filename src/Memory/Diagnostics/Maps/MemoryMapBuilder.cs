using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>Looks at an allocator and lays what it sees out in cells.</summary>
internal sealed class MemoryMapBuilder
{
    private const int SmallestCellBytes = 16;

    private readonly AllocatorStatistics _statistics;
    private readonly MemoryExtent[] _extents;
    private readonly BlockInfo[] _blocks;
    private readonly OwnerStatistics[] _owners;
    private readonly long[] _freeRunCounts = new long[64];
    private readonly long[] _freeRunBytes = new long[64];
    private readonly long _cellBytes;
    private readonly bool _separate;

    internal MemoryMapBuilder(MemoryAllocator allocator, int cells)
    {
        _statistics = allocator.GetStatistics();
        _extents = [.. Merged(allocator.EnumerateExtents().OrderBy(extent => extent.Address))];
        _blocks = [.. allocator.EnumerateBlocks()];
        Array.Sort(_blocks, static (a, b) => a.Address.CompareTo(b.Address));
        _owners = AllocatorReport.CountOwners(_blocks);

        // Extents are drawn one by one while they are few. Where there are thousands, a cell each would be more than was asked for, so a cell may span several.
        _separate = _extents.Length <= cells / 4;
        long perCell = _extents.Sum(extent => extent.Bytes) / (_separate ? cells / 2 : cells);
        _cellBytes = (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(SmallestCellBytes, perCell));
    }

    internal MemoryMap Build(string name)
    {
        List<MapGroup> groups = [];
        foreach (IGrouping<string, MemoryExtent> group in _extents.GroupBy(extent => extent.Group, StringComparer.Ordinal))
        {
            groups.Add(BuildGroup(group.Key, [.. group]));
        }

        List<FreeRunClass> freeRuns = [];
        for (int order = 0; order < _freeRunCounts.Length; order++)
        {
            if (_freeRunCounts[order] > 0)
            {
                freeRuns.Add(new FreeRunClass(1L << order, _freeRunCounts[order], _freeRunBytes[order]));
            }
        }

        return new MemoryMap(name, _statistics, _cellBytes, groups.AsReadOnly(), freeRuns.AsReadOnly(), _owners);
    }

    private MapGroup BuildGroup(string name, MemoryExtent[] extents)
    {
        CellWriter cells = new(_cellBytes);
        long committed = 0;
        long liveBlocks = 0;
        long liveBytes = 0;
        long freeRuns = 0;
        long largest = 0;
        for (int i = 0; i < extents.Length; i++)
        {
            MemoryExtent extent = extents[i];
            nint end = extent.Address + (nint)extent.Bytes;
            committed += extent.Bytes;
            if (_separate && i > 0)
            {
                nint previous = extents[i - 1].Address + (nint)extents[i - 1].Bytes;
                cells.Finish();
                if (extent.Address > previous)
                {
                    cells.AddGap(previous, extent.Address - previous);
                }
            }

            nint position = extent.Address;
            for (int b = FirstBlockIn(extent); b < _blocks.Length && _blocks[b].Address < end; b++)
            {
                // Blocks do not overlap and lie within their extent, but the two looks were not one: what does not fit together is clipped.
                nint start = nint.Max(position, _blocks[b].Address);
                nint blockEnd = nint.Min(end, _blocks[b].Address + (nint)_blocks[b].UsableBytes);
                if (blockEnd <= start)
                {
                    continue;
                }

                Free(position, start - position);
                cells.Add(start, blockEnd - start, _blocks[b]);
                liveBlocks++;
                liveBytes += blockEnd - start;
                position = blockEnd;
            }

            Free(position, end - position);
        }

        cells.Finish();
        return new MapGroup(name, extents.Length, committed, liveBlocks, liveBytes, freeRuns, largest, cells.Cells);

        void Free(nint address, long bytes)
        {
            if (bytes > 0)
            {
                cells.Add(address, bytes, null);
                freeRuns++;
                largest = Math.Max(largest, bytes);
                int order = BitOperations.Log2((ulong)bytes);
                _freeRunCounts[order]++;
                _freeRunBytes[order] += bytes;
            }
        }
    }

    /// <summary>Makes one of neighbours in the same group: what the allocator commits piece by piece is one range of memory all the same, and a free run may reach across.</summary>
    private static IEnumerable<MemoryExtent> Merged(IEnumerable<MemoryExtent> extents)
    {
        MemoryExtent? open = null;
        foreach (MemoryExtent extent in extents)
        {
            if (open is { } before && before.Address + (nint)before.Bytes == extent.Address && before.Group == extent.Group)
            {
                open = before with { Bytes = before.Bytes + extent.Bytes };
                continue;
            }

            if (open is { } done)
            {
                yield return done;
            }

            open = extent;
        }

        if (open is { } last)
        {
            yield return last;
        }
    }

    private int FirstBlockIn(MemoryExtent extent)
    {
        int low = 0;
        int high = _blocks.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (_blocks[middle].Address < extent.Address)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>Cuts ranges that come one after the other into cells.</summary>
    private sealed class CellWriter(long cellBytes)
    {
        private readonly List<MapCell> _cells = [];
        private nint _address;
        private long _bytes;
        private long _live;
        private int _blocks;
        private BlockInfo? _block;

        internal IReadOnlyList<MapCell> Cells => _cells.AsReadOnly();

        internal void Add(nint address, long bytes, BlockInfo? block)
        {
            while (bytes > 0)
            {
                if (_bytes == 0)
                {
                    _address = address;
                }

                long taken = Math.Min(bytes, cellBytes - _bytes);
                _bytes += taken;
                if (block is not null)
                {
                    _live += taken;
                    _blocks++;
                    _block = _blocks == 1 ? block : null;
                }

                address += (nint)taken;
                bytes -= taken;
                if (_bytes == cellBytes)
                {
                    Finish();
                }
            }
        }

        internal void AddGap(nint address, long bytes) => _cells.Add(new MapCell(MapCellKind.NotCommitted, address, bytes, 0, 0, null));

        internal void Finish()
        {
            if (_bytes > 0)
            {
                _cells.Add(new MapCell(MapCellKind.Committed, _address, _bytes, _live, _blocks, _block));
                (_bytes, _live, _blocks, _block) = (0, 0, 0, null);
            }
        }
    }
}
