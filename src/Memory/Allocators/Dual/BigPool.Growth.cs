using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Where the blocks' memory comes from and goes to: units, committed where a run needs them and given back where none is live.</summary>
internal sealed unsafe partial class BigPool
{
    /// <summary>Growth commits up to this many blocks at once where they are free.</summary>
    private const int GrowthBlocks = 16;

    /// <summary>Bytes committed at least.</summary>
    internal long UnitBytes => (long)BlockBytes << _unitShift;

    /// <summary>Address space of a pool: whole units.</summary>
    internal static long ReservedBytes(int count)
    {
        long unit = Math.Max(BlockBytes, VirtualMemory.PageSize);
        return ((((long)count << BlockShift) + unit - 1) / unit) * unit;
    }

    /// <summary>Start of the lowest free run of <paramref name="blocks"/>, and how many bytes of it are not committed; −1 when there is none.</summary>
    internal int Find(int blocks, out long missingBytes)
    {
        int start = _free.Find(blocks);
        missingBytes = 0;
        if (start >= 0)
        {
            for (int unit = start >> _unitShift; unit <= (start + blocks - 1) >> _unitShift; unit++)
            {
                missingBytes += IsCommitted(unit) ? 0 : UnitBytes;
            }
        }

        return start;
    }

    /// <summary>
    /// Start of the lowest free run that is committed already, or −1. It looks through the words, 64 blocks each: only for who may not commit.
    /// </summary>
    internal int FindCommitted(int blocks)
    {
        int length = 0;
        for (int block = 0; block < Capacity;)
        {
            if ((block & 63) == 0)
            {
                ulong ready = _free.Words[block >> 6] & (_unitShift == 0 ? _committed[block >> 6] : ulong.MaxValue);
                if (ready == 0)
                {
                    length = 0;
                    block += 64;
                    continue;
                }
            }

            length = _free.IsFree(block) && IsCommitted(block >> _unitShift) ? length + 1 : 0;
            block++;
            if (length == blocks)
            {
                return block - length;
            }
        }

        return -1;
    }

    /// <summary>What growth for a run would like to commit beside what is missing, so that the next requests need none: the blocks behind it, as far as they are free and not committed.</summary>
    internal long ExtraBytes(int start, int blocks)
    {
        int unit = ((start + blocks - 1) >> _unitShift) + 1;
        long extra = 0;
        while (unit << _unitShift < Capacity && ((unit << _unitShift) & (GrowthBlocks - 1)) != 0 && !IsCommitted(unit))
        {
            extra += UnitBytes;
            unit++;
        }

        return extra;
    }

    /// <summary>Commits the missing part of a free run and, as far as <paramref name="extraBytes"/> allow, what follows it; all is charged already.</summary>
    /// <exception cref="VirtualMemoryException">The system refused; what was committed until then is free and counted.</exception>
    internal void Commit(int start, int blocks, long extraBytes)
    {
        int unit = start >> _unitShift;
        int end = ((start + blocks - 1) >> _unitShift) + 1 + (int)(Math.Min(extraBytes, ExtraBytes(start, blocks)) / UnitBytes);
        _recordTable.Ensure(Math.Min(Capacity, (long)end << _unitShift) * sizeof(Record));
        _stampTable?.Ensure(Math.Min(Capacity, (long)end << _unitShift) * sizeof(AllocationStamp));
        KnownBlocks = Math.Max(KnownBlocks, Math.Min(Capacity, end << _unitShift));
        while (unit < end)
        {
            int first = unit;
            while (unit < end && !IsCommitted(unit))
            {
                unit++;
            }

            if (unit == first)
            {
                unit++;
                continue;
            }

            long bytes = (unit - first) * UnitBytes;
            _memory.Commit(Blocks + (nint)(first * UnitBytes), bytes);
            CommittedBytes += bytes;
            for (int done = first; done < unit; done++)
            {
                _committed[done >> 6] |= 1UL << done;
            }
        }
    }

    /// <summary>Gives the memory of whole free units back, neighbours at once.</summary>
    /// <returns>Bytes given back.</returns>
    internal long Trim()
    {
        long returned = 0;
        int units = (Capacity + (1 << _unitShift) - 1) >> _unitShift;
        for (int unit = 0; unit < units; unit++)
        {
            if ((unit & 63) == 0 && _committed[unit >> 6] == 0)
            {
                unit += 63;
                continue;
            }

            int first = unit;
            while (unit < units && IsIdle(unit))
            {
                unit++;
            }

            long bytes = (unit - first) * UnitBytes;
            if (bytes > 0 && _memory.TryDecommit(Blocks + (nint)(first * UnitBytes), bytes))
            {
                returned += bytes;
                for (int given = first; given < unit; given++)
                {
                    _committed[given >> 6] &= ~(1UL << given);
                }

                for (int block = first << _unitShift; block < Math.Min(Capacity, unit << _unitShift); block++)
                {
                    _dirty[block >> 6] &= ~(1UL << block);
                }
            }
        }

        CommittedBytes -= returned;
        return returned;
    }

    private bool IsCommitted(int unit) => (_committed[unit >> 6] & (1UL << unit)) != 0;

    private bool IsIdle(int unit)
    {
        bool idle = IsCommitted(unit);
        for (int block = unit << _unitShift; idle && block < Math.Min(Capacity, (unit + 1) << _unitShift); block++)
        {
            idle = _free.IsFree(block);
        }

        return idle;
    }
}
