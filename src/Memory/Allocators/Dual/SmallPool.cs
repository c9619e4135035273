using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// The pool of 128-byte objects, in chunks of 512 slots (64 KiB). Everything is guarded by the allocator's lock.
/// </summary>
/// <remarks>
/// Slot 0 of a chunk holds no object: the last four of its bytes are the head canary of slot 1, as the last four of every slot are its neighbour's, and the word that belongs to it
/// is the chunk's own state. So objects are aligned to 128 bytes in spite of the canaries between them, an index is a shift, and a chunk's table is one page.
/// Objects are taken from the lowest chunk that has room, so that the highest empty and can be given back.
/// </remarks>
internal sealed unsafe class SmallPool
{
    internal const int ObjectShift = 7;
    internal const int ObjectBytes = 1 << ObjectShift;
    internal const int ChunkShift = 9;
    internal const int ChunkSlots = 1 << ChunkShift;
    internal const int ChunkBytes = ChunkSlots * ObjectBytes;

    private readonly ulong* _words;
    private readonly CommittedTable _wordTable;
    private readonly CommittedTable? _stampTable;
    private readonly SummaryBitmap _roomy;
    private readonly BlockMemory _memory;
    private int _current = -1;
    private int _firstGrowable;

    /// <summary>Creates the pool; nothing is committed.</summary>
    internal SmallPool(int count, BlockMemory memory, nint objects, CommittedTable words, CommittedTable? stamps)
    {
        Capacity = count;
        Slots = (int)SlotsFor(count);
        ChunkCount = (Slots + ChunkSlots - 1) >> ChunkShift;
        Objects = objects;
        _memory = memory;
        _words = (ulong*)words.Start;
        _wordTable = words;
        _stampTable = stamps;
        _roomy = new SummaryBitmap(ChunkCount);
    }

    /// <summary>Objects it can hold.</summary>
    internal int Capacity { get; }

    /// <summary>Slots, those that hold no object included.</summary>
    internal int Slots { get; }

    internal int ChunkCount { get; }

    /// <summary>Address of slot 0.</summary>
    internal nint Objects { get; }

    /// <summary>Chunks below this one have a table.</summary>
    internal int KnownChunks { get; private set; }

    internal int Live { get; private set; }

    internal int Peak { get; private set; }

    internal long Allocations { get; private set; }

    internal long Frees { get; private set; }

    internal long RequestedBytes { get; private set; }

    internal long CommittedBytes { get; private set; }

    /// <summary>Committed bytes of chunks without a live object.</summary>
    internal long IdleBytes { get; private set; }

    internal long MetadataBytes => _wordTable.CommittedBytes + (_stampTable?.CommittedBytes ?? 0) + _roomy.Bytes;

    internal ReadOnlySpan<ulong> WordsOfChunk(int chunk) => new(_words + ((long)chunk << ChunkShift), SlotsIn(chunk));

    /// <summary>Slots that a number of objects needs: one more per chunk.</summary>
    internal static long SlotsFor(long count) => count + ((count + ChunkSlots - 2) / (ChunkSlots - 1));

    /// <summary>Of a number of slots, those that hold no object.</summary>
    internal static long LeadSlots(long slots) => (slots + ChunkSlots - 1) / ChunkSlots;

    /// <summary>Takes an object; false when no committed one is free.</summary>
    internal bool TryTake(uint requested, OwnerId owner, out int index, out bool isZero)
    {
        int chunk = _current;
        if (chunk < 0)
        {
            index = 0;
            isZero = false;
            return false;
        }

        ulong* words = Table(chunk);
        ChunkState* state = (ChunkState*)words;
        int slot = state->FreeHead;
        if (slot != 0)
        {
            state->FreeHead = (ushort)SmallWord.Next(words[slot]);
        }
        else
        {
            slot = state->Fresh++;
        }

        if (!HasRoom(state))
        {
            _roomy.Remove(chunk);
            _current = _roomy.First();
        }

        if (state->Live++ == 0)
        {
            IdleBytes -= CommittedIn(chunk);
        }

        isZero = SmallWord.IsZero(words[slot]);
        words[slot] = SmallWord.MakeLive(requested, owner);
        index = (chunk << ChunkShift) + slot;
        Allocations++;
        RequestedBytes += requested;
        if (++Live > Peak)
        {
            Peak = Live;
        }

        return true;
    }

    /// <summary>Gives a live object back.</summary>
    internal void Return(int index)
    {
        int chunk = index >> ChunkShift;
        int slot = index & (ChunkSlots - 1);
        ulong* words = Table(chunk);
        ChunkState* state = (ChunkState*)words;
        bool hadRoom = HasRoom(state);
        RequestedBytes -= SmallWord.Requested(words[slot]);
        words[slot] = SmallWord.ToFree(words[slot], state->FreeHead);
        state->FreeHead = (ushort)slot;
        if (--state->Live == 0)
        {
            IdleBytes += CommittedIn(chunk);
        }

        Frees++;
        Live--;
        if (!hadRoom)
        {
            _roomy.Add(chunk);
            _current = _current < 0 ? chunk : Math.Min(_current, chunk);
        }
    }

    /// <summary>Notes another size asked for, for an object that stays where it is.</summary>
    internal void NoteSize(int index, uint requested)
    {
        ulong word = _words[index];
        RequestedBytes += (long)requested - SmallWord.Requested(word);
        _words[index] = SmallWord.MakeLive(requested, SmallWord.Owner(word));
    }

    /// <summary>The word of a slot, or 0 where the slot was never handed out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ulong WordOf(int index) => (index & (ChunkSlots - 1)) != 0 && index >> ChunkShift < KnownChunks && index < Slots ? _words[index] : 0;

    internal nint AddressOf(int index) => Objects + ((nint)index << ObjectShift);

    internal ref AllocationStamp StampOf(int index) => ref ((AllocationStamp*)_stampTable!.Start)[index];

    /// <summary>How many bytes the next growth would commit if <paramref name="roomBytes"/> may be: the rest of a chunk, or as many pages as fit; 0 at capacity or when no page fits.</summary>
    internal long NextGrowthBytes(long roomBytes)
    {
        int chunk = ChunkToGrow();
        return chunk < 0 ? 0 : Math.Min(FullBytes(chunk) - CommittedIn(chunk), Math.Max(0, roomBytes) / VirtualMemory.PageSize * VirtualMemory.PageSize);
    }

    /// <summary>Commits what <see cref="NextGrowthBytes"/> said; it is charged already.</summary>
    /// <exception cref="VirtualMemoryException">The system refused; no object has changed.</exception>
    internal void Grow(long bytes)
    {
        int chunk = ChunkToGrow();
        if (chunk >= KnownChunks)
        {
            long slots = Math.Min(Slots, (chunk + 1L) << ChunkShift);
            _wordTable.Ensure(slots * sizeof(ulong));
            _stampTable?.Ensure(slots * sizeof(AllocationStamp));
        }

        long before = chunk < KnownChunks ? CommittedIn(chunk) : 0;
        _memory.Commit(Objects + (nint)(((long)chunk * ChunkBytes) + before), bytes);

        ChunkState* state = (ChunkState*)Table(chunk);
        if (chunk >= KnownChunks)
        {
            KnownChunks = chunk + 1;
            state->Fresh = 1;
        }

        state->Ready = (ushort)Math.Min(SlotsIn(chunk), (before + bytes) >> ObjectShift);
        CommittedBytes += bytes;
        IdleBytes += state->Live == 0 ? bytes : 0;
        if (HasRoom(state))
        {
            _roomy.Add(chunk);
            _current = _roomy.First();
        }
    }

    /// <summary>Gives the memory of chunks without a live object back, neighbours at once.</summary>
    /// <returns>Bytes given back.</returns>
    internal long Trim()
    {
        long returned = 0;
        for (int chunk = 0; chunk < KnownChunks; chunk++)
        {
            int first = chunk;
            long bytes = 0;
            while (chunk < KnownChunks && State(chunk)->Live == 0 && CommittedIn(chunk) > 0)
            {
                // Behind a chunk that is committed in part the range ends.
                bytes += CommittedIn(chunk++);
                if (bytes != (long)(chunk - first) * ChunkBytes)
                {
                    break;
                }
            }

            if (chunk == first)
            {
                continue;
            }

            if (_memory.TryDecommit(Objects + (nint)((long)first * ChunkBytes), bytes))
            {
                returned += bytes;
                _firstGrowable = Math.Min(_firstGrowable, first);
                for (int given = first; given < chunk; given++)
                {
                    Forget(given);
                }
            }

            chunk--;
        }

        CommittedBytes -= returned;
        IdleBytes -= returned;
        _current = _roomy.First();
        return returned;
    }

    /// <summary>Frees every live object.</summary>
    internal void Reset()
    {
        IdleBytes = CommittedBytes;
        _roomy.Clear();
        for (int chunk = 0; chunk < KnownChunks; chunk++)
        {
            ChunkState* state = State(chunk);
            ulong* words = Table(chunk);
            for (int slot = 1; slot < state->Fresh; slot++)
            {
                words[slot] = SmallWord.IsLive(words[slot]) ? SmallWord.ToFree(words[slot], 0) : words[slot];
            }

            state->FreeHead = 0;
            state->Fresh = 1;
            state->Live = 0;
            if (HasRoom(state))
            {
                _roomy.Add(chunk);
            }
        }

        _current = _roomy.First();
        Frees += Live;
        Live = 0;
        RequestedBytes = 0;
    }

    /// <summary>Adds the committed ranges, neighbours joined.</summary>
    internal void AddExtents(List<MemoryExtent> extents, string group)
    {
        for (int chunk = 0; chunk < KnownChunks; chunk++)
        {
            long bytes = CommittedIn(chunk);
            if (bytes == 0)
            {
                continue;
            }

            nint address = Objects + (nint)((long)chunk * ChunkBytes);
            if (extents.Count > 0 && extents[^1].Address + (nint)extents[^1].Bytes == address)
            {
                extents[^1] = extents[^1] with { Bytes = extents[^1].Bytes + bytes };
            }
            else
            {
                extents.Add(new MemoryExtent(address, bytes, group));
            }
        }
    }

    /// <summary>Committed slots that hold no live object.</summary>
    internal long CountFree()
    {
        long free = 0;
        for (int chunk = 0; chunk < KnownChunks; chunk++)
        {
            free += State(chunk)->Ready > 0 ? State(chunk)->Ready - 1 - State(chunk)->Live : 0;
        }

        return free;
    }

    internal bool IsAtCapacity => ChunkToGrow() < 0;

    internal bool IsRoomy(int chunk) => _roomy.Contains(chunk);

    internal ChunkState* State(int chunk) => (ChunkState*)Table(chunk);

    internal int SlotsIn(int chunk) => Math.Min(ChunkSlots, Slots - (chunk << ChunkShift));

    internal long CommittedIn(int chunk) => chunk < KnownChunks ? WholePages((long)State(chunk)->Ready << ObjectShift) : 0;

    internal static bool HasRoom(ChunkState* state) => state->FreeHead != 0 || state->Fresh < state->Ready;

    private static long WholePages(long bytes) => (bytes + VirtualMemory.PageSize - 1) / VirtualMemory.PageSize * VirtualMemory.PageSize;

    private ulong* Table(int chunk) => _words + ((long)chunk << ChunkShift);

    private long FullBytes(int chunk) => WholePages((long)SlotsIn(chunk) << ObjectShift);

    private int ChunkToGrow()
    {
        while (_firstGrowable < ChunkCount && _firstGrowable < KnownChunks && State(_firstGrowable)->Ready == SlotsIn(_firstGrowable))
        {
            _firstGrowable++;
        }

        return _firstGrowable < ChunkCount ? _firstGrowable : -1;
    }

    private void Forget(int chunk)
    {
        ulong* words = Table(chunk);
        for (int slot = 1; slot < State(chunk)->Ready; slot++)
        {
            words[slot] = SmallWord.ToFreeZero(words[slot]);
        }

        *State(chunk) = new ChunkState { Fresh = 1 };
        _roomy.Remove(chunk);
    }

    /// <summary>A chunk's own word.</summary>
    [StructLayout(LayoutKind.Sequential, Size = sizeof(ulong))]
    internal struct ChunkState
    {
        /// <summary>First of the slots that were given back, 0 for none.</summary>
        internal ushort FreeHead;

        /// <summary>Slots from here on are free and in no list.</summary>
        internal ushort Fresh;

        /// <summary>Slots below this one are committed.</summary>
        internal ushort Ready;

        /// <summary>Live objects.</summary>
        internal ushort Live;
    }
}
