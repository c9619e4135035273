using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>Looking at the pool: which run an address or a block belongs to, what is idle, and the figures.</summary>
internal sealed unsafe partial class BigPool
{
    internal long MetadataBytes => _recordTable.CommittedBytes + (_stampTable?.CommittedBytes ?? 0) + _free.Bytes + ((_committed.LongLength + _dirty.LongLength) * sizeof(ulong));

    /// <summary>Committed bytes that no live run touches.</summary>
    internal long IdleBytes
    {
        get
        {
            if (_unitShift == 0)
            {
                return CommittedBytes - ((long)Live << BlockShift);
            }

            long idle = 0;
            for (int unit = 0; unit << _unitShift < Capacity; unit++)
            {
                idle += IsIdle(unit) ? UnitBytes : 0;
            }

            return idle;
        }
    }

    /// <summary>The first block from <paramref name="from"/> on at which a live run starts, or −1.</summary>
    internal int NextLive(int from)
    {
        for (int block = from; block < KnownBlocks; block++)
        {
            if ((block & 63) == 0 && _free.Words[block >> 6] == ulong.MaxValue)
            {
                block += 63;
            }
            else if (RecordOf(block)->State == RunState.Live)
            {
                return block;
            }
        }

        return -1;
    }

    /// <summary>The block whose run would start at an address, or −1 where the address cannot be the first of one.</summary>
    internal int StartOf(nint address)
    {
        long offset = address - Blocks;
        int into = (int)(offset & (BlockBytes - 1));

        // A run aligned to 16 KiB starts where its second block does, because its canary needs room before it.
        int block = (int)(offset >> BlockShift) - (HasCanaries && into == 0 ? 1 : 0);
        return block >= 0 && block < KnownBlocks && RecordOf(block)->State != RunState.None && AddressOf(block) == address ? block : -1;
    }

    /// <summary>The block at which the live run over a block starts, or −1 when the block is free. A walk, for messages.</summary>
    internal int RunOver(int block)
    {
        if (block >= Capacity || _free.IsFree(block))
        {
            return -1;
        }

        while (block >= 0 && RecordOf(block)->State != RunState.Live)
        {
            block--;
        }

        return block;
    }

    internal void AddExtents(List<MemoryExtent> extents, string group)
    {
        int units = (Capacity + (1 << _unitShift) - 1) >> _unitShift;
        for (int unit = 0; unit < units; unit++)
        {
            int first = unit;
            while (unit < units && IsCommitted(unit))
            {
                unit++;
            }

            if (unit > first)
            {
                extents.Add(new MemoryExtent(Blocks + (nint)(first * UnitBytes), (unit - first) * UnitBytes, group));
            }
        }
    }

    /// <summary>Committed free runs.</summary>
    internal long CountFreeRuns()
    {
        long runs = 0;
        bool inside = false;
        for (int block = 0; block < KnownBlocks; block++)
        {
            bool free = _free.IsFree(block) && IsCommitted(block >> _unitShift);
            runs += free && !inside ? 1 : 0;
            inside = free;
        }

        return runs;
    }

    internal bool IsBlockCommitted(int block) => IsCommitted(block >> _unitShift);

    internal long CountCommittedBytes()
    {
        long units = 0;
        foreach (ulong word in _committed)
        {
            units += BitOperations.PopCount(word);
        }

        return units * UnitBytes;
    }
}
