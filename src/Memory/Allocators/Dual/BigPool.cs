using System.Numerics;
using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// The pool of 16 KiB blocks, handed out as runs of one or more adjacent ones. Everything is guarded by the allocator's lock, except that who holds a run may ask <see cref="IsZero"/> about it.
/// </summary>
/// <remarks>
/// A unit is what can be committed and given back by itself: a block, or a page where pages are larger.
/// </remarks>
internal sealed unsafe class BigPool
{
    internal const int BlockShift = 14;
    internal const int BlockBytes = 1 << BlockShift;

    /// <summary>Growth commits up to this many blocks at once where they are free.</summary>
    private const int GrowthBlocks = 16;

    private readonly RunTree _free;
    private readonly ulong[] _committed;
    private readonly ulong[] _dirty;
    private readonly CommittedTable _recordTable;
    private readonly CommittedTable? _stampTable;
    private readonly BlockMemory _memory;
    private readonly int _unitShift;

    /// <summary>Creates the pool; nothing is committed.</summary>
    internal BigPool(int count, bool hasCanaries, BlockMemory memory, nint blocks, CommittedTable records, CommittedTable? stamps)
    {
        Capacity = count;
        Blocks = blocks;
        HasCanaries = hasCanaries;
        _memory = memory;
        _recordTable = records;
        _stampTable = stamps;
        _unitShift = Math.Max(0, BitOperations.Log2((uint)VirtualMemory.PageSize) - BlockShift);
        _free = new RunTree(count);
        _committed = new ulong[_free.Words.Length];
        _dirty = new ulong[_free.Words.Length];
    }

    /// <summary>Blocks it can hold.</summary>
    internal int Capacity { get; }

    /// <summary>Address of block 0.</summary>
    internal nint Blocks { get; }

    internal bool HasCanaries { get; }

    /// <summary>Blocks below this one have a record.</summary>
    internal int KnownBlocks { get; private set; }

    /// <summary>Live blocks, each block of a run counted.</summary>
    internal int Live { get; private set; }

    internal int Peak { get; private set; }

    /// <summary>Live runs.</summary>
    internal long LiveRuns => Allocations - Frees;

    internal long Allocations { get; private set; }

    internal long Frees { get; private set; }

    internal long LiveBytes { get; private set; }

    internal long RequestedBytes { get; private set; }

    internal long CommittedBytes { get; private set; }

    internal long MetadataBytes => _recordTable.CommittedBytes + (_stampTable?.CommittedBytes ?? 0) + _free.Bytes + ((_committed.LongLength + _dirty.LongLength) * sizeof(ulong));

    internal RunTree Free => _free;

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

    /// <summary>Bytes committed at least.</summary>
    internal long UnitBytes => (long)BlockBytes << _unitShift;

    /// <summary>Address space of a pool: whole units.</summary>
    internal static long ReservedBytes(int count)
    {
        long unit = Math.Max(BlockBytes, VirtualMemory.PageSize);
        return ((((long)count << BlockShift) + unit - 1) / unit) * unit;
    }

    /// <summary>Bytes before the usable ones: room for the canary, and for alignment.</summary>
    internal long LeadBytes(nuint alignment) => HasCanaries ? (long)nuint.Max(alignment, MemoryAllocator.DefaultAlignment) : 0;

    /// <summary>Blocks that a request takes; at most one more than the pool can hold.</summary>
    internal int BlocksFor(nuint size, nuint alignment) =>
        size > (nuint)((long)Capacity << BlockShift) ? Capacity + 1
        : (int)(((long)size + LeadBytes(alignment) + (HasCanaries ? ObjectCanary.Bytes : 0) + BlockBytes - 1) >> BlockShift);

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

    /// <summary>Hands a free, committed run out.</summary>
    internal void Take(int start, int blocks, nuint requested, OwnerId owner, nuint alignment)
    {
        _free.Set(start, blocks, free: false);
        long lead = LeadBytes(alignment);
        *RecordOf(start) = new Record { Owner = owner.Value, Blocks = blocks, State = RunState.Live, Lead = (ushort)lead, Requested = (long)requested };
        Allocations++;
        Live += blocks;
        Peak = Math.Max(Peak, Live);
        LiveBytes += (long)Usable(start);
        RequestedBytes += (long)requested;
    }

    /// <summary>Gives the live run that starts at a block back.</summary>
    internal void Return(int start)
    {
        Record* record = RecordOf(start);
        int blocks = BlocksOf(start);
        LiveBytes -= (long)Usable(start);
        RequestedBytes -= record->Requested;
        record->State = RunState.Freed;
        Live -= blocks;
        Frees++;
        for (int block = start; block < start + blocks; block++)
        {
            _dirty[block >> 6] |= 1UL << block;
        }

        _free.Set(start, blocks, free: true);
    }

    /// <summary>Notes another size asked for, for a run that stays where it is.</summary>
    internal void NoteSize(int start, nuint requested)
    {
        RequestedBytes += (long)requested - RecordOf(start)->Requested;
        RecordOf(start)->Requested = (long)requested;
    }

    /// <summary>Whether a block's bytes are known to be zero. Also outside the lock for the blocks of one's own run, whose bits nobody changes.</summary>
    internal bool IsZero(int block) => (Volatile.Read(ref _dirty[block >> 6]) & (1UL << block)) == 0;

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

    /// <summary>Frees every live run.</summary>
    internal void Reset()
    {
        for (int block = NextLive(0); block >= 0; block = NextLive(block + 1))
        {
            Return(block);
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

    internal nint AddressOf(int start) => Blocks + (nint)(((long)start << BlockShift) + RecordOf(start)->Lead);

    internal int BlocksOf(int start) => RecordOf(start)->Blocks;

    internal nuint Usable(int start) => (nuint)(((long)BlocksOf(start) << BlockShift) - RecordOf(start)->Lead - (HasCanaries ? ObjectCanary.Bytes : 0));

    internal Record* RecordOf(int block) => (Record*)_recordTable.Start + block;

    internal ref AllocationStamp StampOf(int block) => ref ((AllocationStamp*)_stampTable!.Start)[block];

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

    internal enum RunState : byte
    {
        None,
        Live,
        Freed,
    }

    /// <summary>What is known about the run that starts at a block, or started there last.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Record
    {
        internal int Owner;
        internal int Blocks;
        internal ushort Lead;
        internal RunState State;
        internal long Requested;
    }
}
