using System.Numerics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// Hands out runs of units of 16 KiB, at most a mebibyte long, from the lowest address that has one, and knows which units are committed, which were written to, and whose memory is there.
/// Under the allocator's lock.
/// </summary>
/// <remarks>
/// A chunk is 64 units with one bit each in four words, so that finding, splitting and joining runs are a few operations on a word. A byte for each chunk says how long its
/// longest free run is; the search for the lowest chunk that will do reads those bytes by vectors.
/// </remarks>
internal sealed class SlabChunks
{
    internal const int UnitShift = 14;
    internal const int UnitBytes = 1 << UnitShift;
    internal const int UnitsPerChunk = 64;
    internal const int ChunkBytes = UnitBytes * UnitsPerChunk;

    private const int LeastChunks = 8;

    // Committing costs a system call and a walk over mappings; that for 16 units at a time leaves little of it. What is committed and not touched costs no memory.
    private const int CommitBatch = 16;

    private readonly BlockMemory _memory;
    private readonly nint _start;
    private readonly int _chunks;

    // Of the lowest chunks, as many as a search has come to: the others are free. Most programs use a few of a gigabyte's 1,024.
    private ulong[] _free = [];
    private ulong[] _committed = [];
    private ulong[] _touched = [];
    private ulong[] _resident = [];
    private byte[] _longest = [];

    // Units that nobody has, and whose memory is there because somebody had.
    private int _idleResident;

    /// <summary>Manages the units of a range that starts at a multiple of a unit.</summary>
    internal SlabChunks(BlockMemory memory, nint start, int chunks)
    {
        _memory = memory;
        _start = start;
        _chunks = chunks;
        GrowMaps();
    }

    /// <summary>One past the highest chunk that was ever used.</summary>
    internal int UsedChunks { get; private set; }

    /// <summary>One past the highest unit that somebody ever had. What is known about those beyond was never written to.</summary>
    internal int UsedUnits { get; private set; }

    /// <summary>Committed units that nobody has.</summary>
    internal int IdleUnits { get; private set; }

    /// <summary>Bytes this takes.</summary>
    internal long MetadataBytes => _free.Length * ((4 * sizeof(ulong)) + 1L);

    /// <summary>Whether a unit is free.</summary>
    internal bool IsFree(int unit) => (_free[unit / UnitsPerChunk] >> (unit % UnitsPerChunk) & 1) != 0;

    /// <summary>Whether a unit is committed.</summary>
    internal bool IsCommitted(int unit) => (_committed[unit / UnitsPerChunk] >> (unit % UnitsPerChunk) & 1) != 0;

    /// <summary>Finds the lowest free run, or −1, and says how many of its bytes are not committed.</summary>
    internal int Find(int units, bool committedOnly, out long uncommittedBytes)
    {
        uncommittedBytes = 0;
        int chunk = 0;
        while (true)
        {
            int found = _longest.AsSpan(chunk).IndexOfAnyInRange((byte)units, (byte)UnitsPerChunk);
            if (found < 0 && !committedOnly && _free.Length < _chunks)
            {
                chunk = _free.Length;
                GrowMaps();
                continue;
            }

            if (found < 0 || (committedOnly && chunk + found >= UsedChunks))
            {
                return -1;
            }

            chunk += found;
            ulong starts = Starts(committedOnly ? _free[chunk] & _committed[chunk] : _free[chunk], units);
            if (starts != 0)
            {
                int position = BitOperations.TrailingZeroCount(starts);
                uncommittedBytes = (long)BitOperations.PopCount(Mask(position, units) & ~_committed[chunk]) << UnitShift;
                return (chunk * UnitsPerChunk) + position;
            }

            chunk++;
        }
    }

    /// <summary>How many bytes committing a batch around a run that was found would take: at least the run's own.</summary>
    internal long BatchBytes(int unit, int units) => (long)BitOperations.PopCount(Batch(unit, units) & ~_committed[unit / UnitsPerChunk]) << UnitShift;

    /// <summary>Commits a run that was found, and the batch around it if so much was charged.</summary>
    /// <param name="unit">First unit.</param>
    /// <param name="units">How many.</param>
    /// <param name="chargedBytes">What was charged, at least the run's uncommitted bytes; less what was committed, afterwards.</param>
    /// <exception cref="VirtualMemoryException">The system refused; what was committed before is counted and idle.</exception>
    internal void Commit(int unit, int units, ref long chargedBytes)
    {
        int chunk = unit / UnitsPerChunk;
        ulong wanted = Batch(unit, units) & ~_committed[chunk];
        if ((long)BitOperations.PopCount(wanted) << UnitShift > chargedBytes)
        {
            wanted = Mask(unit % UnitsPerChunk, units) & ~_committed[chunk];
        }

        while (wanted != 0)
        {
            (int position, int length) = FirstRun(wanted);
            _memory.Commit(Address(chunk, position), (long)length << UnitShift);
            ulong mask = Mask(position, length);
            wanted &= ~mask;
            _committed[chunk] |= mask;
            _touched[chunk] &= ~mask;
            _resident[chunk] &= ~mask;
            IdleUnits += length;
            chargedBytes -= (long)length << UnitShift;
            UsedChunks = Math.Max(UsedChunks, chunk + 1);
        }
    }

    /// <summary>Units whose memory is there, whether somebody has them or not.</summary>
    internal int ResidentUnits { get; private set; }

    /// <summary>How many units of a run take memory from the system when they are used.</summary>
    internal int MissingUnits(int unit, int units) => BitOperations.PopCount(~_resident[unit / UnitsPerChunk] & Mask(unit % UnitsPerChunk, units));

    /// <summary>Takes a committed run and says whether its memory is all zero.</summary>
    internal bool Take(int unit, int units)
    {
        int chunk = unit / UnitsPerChunk;
        ulong mask = Mask(unit % UnitsPerChunk, units);
        bool isFresh = (_touched[chunk] & mask) == 0;
        int resident = BitOperations.PopCount(_resident[chunk] & mask);
        _idleResident -= resident;
        ResidentUnits += units - resident;
        _free[chunk] &= ~mask;
        _touched[chunk] |= mask;
        _resident[chunk] |= mask;
        IdleUnits -= units;
        _longest[chunk] = (byte)Longest(_free[chunk]);
        UsedChunks = Math.Max(UsedChunks, chunk + 1);
        UsedUnits = Math.Max(UsedUnits, unit + units);
        return isFresh;
    }

    /// <summary>Gives a run back. It stays committed.</summary>
    internal void Return(int unit, int units)
    {
        int chunk = unit / UnitsPerChunk;
        _free[chunk] |= Mask(unit % UnitsPerChunk, units);
        IdleUnits += units;
        _idleResident += units;
        _longest[chunk] = (byte)Longest(_free[chunk]);
    }

    /// <summary>Decommits free units, all of them or until enough are, and says how many bytes went.</summary>
    internal long DecommitIdle(long enough = long.MaxValue)
    {
        long returned = 0;
        for (int chunk = UsedChunks - 1; chunk >= 0 && IdleUnits > 0 && returned < enough; chunk--)
        {
            ulong idle = _free[chunk] & _committed[chunk];
            while (idle != 0)
            {
                (int position, int length) = FirstRun(idle);
                ulong mask = Mask(position, length);
                idle &= ~mask;
                if (_memory.TryDecommit(Address(chunk, position), (long)length << UnitShift))
                {
                    int resident = BitOperations.PopCount(_resident[chunk] & mask);
                    _idleResident -= resident;
                    ResidentUnits -= resident;
                    _committed[chunk] &= ~mask;
                    _touched[chunk] &= ~mask;
                    _resident[chunk] &= ~mask;
                    IdleUnits -= length;
                    returned += (long)length << UnitShift;
                }
            }
        }

        return returned;
    }

    /// <summary>Discards the memory of the highest run of free units that have some; they stay committed.</summary>
    /// <param name="most">The most bytes.</param>
    /// <returns>Bytes given back; 0 when there is nothing to give, or the system refuses.</returns>
    internal long DiscardIdle(long most)
    {
        int units = (int)Math.Min(most >> UnitShift, UnitsPerChunk);
        for (int chunk = UsedChunks - 1; chunk >= 0 && _idleResident > 0 && units > 0; chunk--)
        {
            ulong idle = _free[chunk] & _resident[chunk];
            if (idle != 0)
            {
                int end = UnitsPerChunk - BitOperations.LeadingZeroCount(idle);
                int length = Math.Min(units, BitOperations.LeadingZeroCount(~(idle << (UnitsPerChunk - end))));
                if (!BlockMemory.TryDiscard(Address(chunk, end - length), (long)length << UnitShift))
                {
                    return 0;
                }

                _resident[chunk] &= ~Mask(end - length, length);
                _idleResident -= length;
                ResidentUnits -= length;
                return (long)length << UnitShift;
            }
        }

        return 0;
    }

    /// <summary>Whether the counts of units are what the maps say.</summary>
    internal bool AreCountsRight()
    {
        int idle = 0;
        int resident = 0;
        int idleResident = 0;
        for (int chunk = 0; chunk < UsedChunks; chunk++)
        {
            idle += BitOperations.PopCount(_free[chunk] & _committed[chunk]);
            resident += BitOperations.PopCount(_resident[chunk]);
            idleResident += BitOperations.PopCount(_resident[chunk] & _free[chunk]);
        }

        return (idle, resident, idleResident) == (IdleUnits, ResidentUnits, _idleResident);
    }

    /// <summary>Makes the maps twice as long, which is noted at the end: without memory for it nothing has changed.</summary>
    private void GrowMaps()
    {
        int known = _free.Length;
        int chunks = Math.Min(_chunks, Math.Max(LeastChunks, 2 * known));
        ulong[] free = new ulong[chunks];
        ulong[] committed = new ulong[chunks];
        ulong[] touched = new ulong[chunks];
        ulong[] resident = new ulong[chunks];
        byte[] longest = new byte[chunks];
        _free.CopyTo(free, 0);
        _committed.CopyTo(committed, 0);
        _touched.CopyTo(touched, 0);
        _resident.CopyTo(resident, 0);
        _longest.CopyTo(longest, 0);
        Array.Fill(free, ulong.MaxValue, known, chunks - known);
        Array.Fill(longest, (byte)UnitsPerChunk, known, chunks - known);
        (_free, _committed, _touched, _resident, _longest) = (free, committed, touched, resident, longest);
    }

    private static ulong Mask(int position, int units) => (units == UnitsPerChunk ? ulong.MaxValue : (1UL << units) - 1) << position;

    private static (int Position, int Length) FirstRun(ulong mask)
    {
        int position = BitOperations.TrailingZeroCount(mask);
        return (position, Math.Min(UnitsPerChunk - position, BitOperations.TrailingZeroCount(~(mask >> position))));
    }

    /// <summary>Where runs of so many set bits begin.</summary>
    private static ulong Starts(ulong mask, int units)
    {
        for (int have = 1; have < units && mask != 0;)
        {
            int step = Math.Min(have, units - have);
            mask &= mask >> step;
            have += step;
        }

        return mask;
    }

    private static int Longest(ulong mask)
    {
        if (mask == ulong.MaxValue)
        {
            return UnitsPerChunk;
        }

        int length = 0;
        for (; mask != 0; length++)
        {
            mask &= mask << 1;
        }

        return length;
    }

    private static ulong Batch(int unit, int units)
    {
        int first = unit % UnitsPerChunk / CommitBatch * CommitBatch;
        int end = ((unit % UnitsPerChunk) + units + CommitBatch - 1) / CommitBatch * CommitBatch;
        return Mask(first, end - first);
    }

    private nint Address(int chunk, int position) => _start + (nint)(((long)(chunk * UnitsPerChunk) + position) << UnitShift);
}
