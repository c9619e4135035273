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
internal sealed unsafe partial class BigPool
{
    internal const int BlockShift = 14;
    internal const int BlockBytes = 1 << BlockShift;

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

    internal RunTree Free => _free;

    /// <summary>Bytes before the usable ones: room for the canary, and for alignment.</summary>
    internal long LeadBytes(nuint alignment) => HasCanaries ? (long)nuint.Max(alignment, MemoryAllocator.DefaultAlignment) : 0;

    /// <summary>Blocks that a request takes; at most one more than the pool can hold.</summary>
    internal int BlocksFor(nuint size, nuint alignment) =>
        size > (nuint)((long)Capacity << BlockShift) ? Capacity + 1
        : (int)(((long)size + LeadBytes(alignment) + (HasCanaries ? ObjectCanary.Bytes : 0) + BlockBytes - 1) >> BlockShift);

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

    /// <summary>Frees every live run.</summary>
    internal void Reset()
    {
        for (int block = NextLive(0); block >= 0; block = NextLive(block + 1))
        {
            Return(block);
        }
    }

    internal nint AddressOf(int start) => Blocks + (nint)(((long)start << BlockShift) + RecordOf(start)->Lead);

    internal int BlocksOf(int start) => RecordOf(start)->Blocks;

    internal nuint Usable(int start) => (nuint)(((long)BlocksOf(start) << BlockShift) - RecordOf(start)->Lead - (HasCanaries ? ObjectCanary.Bytes : 0));

    internal Record* RecordOf(int block) => (Record*)_recordTable.Start + block;

    internal ref AllocationStamp StampOf(int block) => ref ((AllocationStamp*)_stampTable!.Start)[block];

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
