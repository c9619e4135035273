using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>
/// Sorts records of a key and a payload by their keys' bytes, equal keys in the order they came. Records lie one behind the other in one
/// byte array, so that a record costs its bytes and twelve more while it is sorted, not an object. A full array is sorted and written to
/// scratch as a run; the runs are merged while they are read.
/// </summary>
/// <remarks>
/// No key may be the beginning of another one (end a text with a zero byte, or use keys of one length). Comparing then goes by eight bytes
/// at a time, zeros standing in behind the end. Not thread-safe.
/// </remarks>
internal sealed class ExternalSorter : IDisposable
{
    /// <summary>Bytes in front of a record: the lengths of its key and its payload, u16 each.</summary>
    public const int RecordHeader = 4;

    /// <summary>The largest record that the sorter takes, its header included; run readers' buffers hold at least this.</summary>
    public const int LargestRecord = 8 << 10;

    private const int FirstArena = 16 << 10;
    private const int SortBytesPerRecord = sizeof(ulong) + sizeof(uint);
    private const int MaxFanIn = 128;

    private readonly MemoryAccount _account;
    private readonly ScratchSpace? _scratch;
    private readonly long _limit;
    private readonly int _arenaLimit;
    private readonly List<SortedRun> _runs = [];
    private byte[] _arena = [];
    private uint[] _order = [];
    private int _used;
    private SafeFileHandle? _file;
    private long _fileEnd;
    private bool _sealed;

    /// <param name="account">Pays for arrays and buffers.</param>
    /// <param name="scratch">Where runs go; null: everything stays in memory.</param>
    /// <param name="limit">Bytes this sorter may hold before it writes a run.</param>
    public ExternalSorter(MemoryAccount account, ScratchSpace? scratch, long limit)
    {
        _account = account;
        _scratch = scratch;
        _limit = Math.Max(limit, 2 * LargestRecord);
        // A power of two, because pooled arrays come in these sizes; two thirds at most, because sorting needs its twelve bytes a record.
        _arenaLimit = (int)Math.Min(1 << 30, System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)(_limit * 2 / 3) / 2 + 1));
    }

    /// <summary>Records that lie in the array, not in a run.</summary>
    public int ResidentCount { get; private set; }

    /// <summary>Records in all.</summary>
    public long Count { get; private set; }

    /// <summary>Runs written to scratch so far.</summary>
    public int RunCount { get; private set; }

    /// <summary>Where the next record will lie: marks the state for <see cref="Rollback"/> and begins a walk over the newest records.</summary>
    public int Position => _used;

    /// <summary>The array's bytes.</summary>
    public ReadOnlySpan<byte> Arena => _arena.AsSpan(0, _used);

    /// <summary>Room for a record of up to this many bytes, key first, payload right behind it. Nothing is added before <see cref="Commit"/>.</summary>
    public Span<byte> Reserve(int bytes)
    {
        int needed = checked(_used + RecordHeader + bytes);
        if (needed > _arena.Length)
        {
            Grow(needed);
        }

        return _arena.AsSpan(_used + RecordHeader, bytes);
    }

    /// <summary>Adds what was written into the reserved room.</summary>
    public void Commit(int keyLength, int payloadLength)
    {
        Span<byte> header = _arena.AsSpan(_used, RecordHeader);
        BinaryPrimitives.WriteUInt16LittleEndian(header, checked((ushort)keyLength));
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], checked((ushort)payloadLength));
        _used += RecordHeader + keyLength + payloadLength;
        ResidentCount++;
        Count++;
    }

    /// <summary>Takes back the records added since a position was read, in which no run may have been written.</summary>
    public void Rollback(int position, int residentCount)
    {
        Count -= ResidentCount - residentCount;
        ResidentCount = residentCount;
        _used = position;
    }

    /// <summary>Writes a run when memory is full. Between entries only, so that one that fails can be rolled back.</summary>
    public void SpillIfFull()
    {
        if (_scratch is not null && (_used > _arenaLimit - LargestRecord || _used + ((long)ResidentCount * SortBytesPerRecord) > _limit - LargestRecord))
        {
            WriteRun();
        }
    }

    /// <summary>Ends the adding. Afterwards the records can be read, more than once.</summary>
    public void Seal()
    {
        if (_sealed)
        {
            return;
        }

        if (_runs.Count == 0)
        {
            SortArena();
        }
        else
        {
            if (ResidentCount > 0)
            {
                WriteRun();
            }

            ReleaseArena();
            int fanIn = FanIn;
            while (_runs.Count > fanIn)
            {
                MergeNeighbours(fanIn);
            }
        }

        _sealed = true;
    }

    /// <summary>Reads all records in order.</summary>
    public SortedRecords Read()
    {
        Seal();
        return _runs.Count == 0
            ? new SortedRecords(_arena, _order.AsMemory(0, ResidentCount))
            : new SortedRecords(_scratch!.Files, _file!, CollectionsMarshal.AsSpan(_runs), BufferBytes(_runs.Count), _account);
    }

    /// <summary>Gives memory and scratch file back.</summary>
    public void Dispose()
    {
        ReleaseArena();
        _runs.Clear();
        _file?.Dispose();
        _file = null;
    }

    private int FanIn => (int)Math.Clamp(_limit / LargestRecord, 2, MaxFanIn);

    private int BufferBytes(int runs) => (int)Math.Clamp(_limit / (runs + 1), LargestRecord, 64 << 10);

    private void Grow(int needed)
    {
        byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(needed, Math.Max(FirstArena, (int)Math.Min((long)_arena.Length * 2, Array.MaxLength))));
        _account.Take(larger.Length);
        _arena.AsSpan(0, _used).CopyTo(larger);
        ReturnArena();
        _arena = larger;
    }

    private void ReturnArena()
    {
        if (_arena.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_arena);
            _account.Return(_arena.Length);
            _arena = [];
        }
    }

    private void ReleaseOrder()
    {
        if (_order.Length > 0)
        {
            ArrayPool<uint>.Shared.Return(_order);
            _account.Return((long)_order.Length * sizeof(uint));
            _order = [];
        }
    }

    private void ReleaseArena()
    {
        ReturnArena();
        ReleaseOrder();
        _used = 0;
        ResidentCount = 0;
    }

    private void SortArena()
    {
        if (ResidentCount == 0)
        {
            return;
        }

        int count = ResidentCount;
        ReleaseOrder();
        _order = ArrayPool<uint>.Shared.Rent(count);
        _account.Take((long)_order.Length * sizeof(uint));
        ulong[] heads = ArrayPool<ulong>.Shared.Rent(count);
        _account.Take((long)heads.Length * sizeof(ulong));
        try
        {
            int at = 0;
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<byte> key = KeyAt(_arena, at, out int recordLength);
                _order[i] = (uint)at;
                heads[i] = Head(key, 0);
                at += recordLength;
            }

            SortByHeads(heads.AsSpan(0, count), _order.AsSpan(0, count), 0);
        }
        finally
        {
            ArrayPool<ulong>.Shared.Return(heads);
            _account.Return((long)heads.Length * sizeof(ulong));
        }
    }

    /// <summary>
    /// Sorts by eight key bytes at a time: the runtime's introsort over plain numbers, then each group of equal numbers by the next eight bytes.
    /// Comparing whole keys would follow two references per comparison; here almost every comparison is of two numbers that lie in order.
    /// </summary>
    private void SortByHeads(Span<ulong> heads, Span<uint> order, int depth)
    {
        heads.Sort(order);
        int start = 0;
        while (start < heads.Length)
        {
            ulong head = heads[start];
            int end = start + 1;
            while (end < heads.Length && heads[end] == head)
            {
                end++;
            }

            if (end - start > 1)
            {
                SortGroup(heads[start..end], order[start..end], depth + sizeof(ulong));
            }

            start = end;
        }
    }

    private void SortGroup(Span<ulong> heads, Span<uint> order, int depth)
    {
        // Since no key begins another, in a group all keys end here or none does.
        if (KeyAt(_arena, (int)order[0], out _).Length <= depth)
        {
            order.Sort();
            return;
        }

        for (int i = 0; i < order.Length; i++)
        {
            heads[i] = Head(KeyAt(_arena, (int)order[i], out _), depth);
        }

        SortByHeads(heads, order, depth);
    }

    private void WriteRun()
    {
        SortArena();
        _file ??= _scratch!.Create();
        long start = _fileEnd;
        RunWriter writer = new(_scratch!.Files, _file, start, BufferBytes(1), _account);
        try
        {
            foreach (uint at in _order.AsSpan(0, ResidentCount))
            {
                KeyAt(_arena, (int)at, out int length);
                writer.Write(_arena.AsSpan((int)at, length));
            }

            _fileEnd = writer.Finish();
        }
        finally
        {
            writer.Dispose();
        }

        _runs.Add(new SortedRun(start, _fileEnd));
        RunCount++;
        ReleaseOrder();
        _used = 0;
        ResidentCount = 0;
    }

    /// <summary>Merges runs that follow one another into fewer, so that reading them needs no more buffers than memory allows. Neighbours only: that keeps equal keys in order.</summary>
    private void MergeNeighbours(int fanIn)
    {
        List<SortedRun> merged = [];
        for (int i = 0; i < _runs.Count; i += fanIn)
        {
            Span<SortedRun> group = CollectionsMarshal.AsSpan(_runs).Slice(i, Math.Min(fanIn, _runs.Count - i));
            if (group.Length == 1)
            {
                merged.Add(group[0]);
                continue;
            }

            long start = _fileEnd;
            using SortedRecords records = new(_scratch!.Files, _file!, group, BufferBytes(group.Length), _account);
            RunWriter writer = new(_scratch!.Files, _file!, start, BufferBytes(group.Length), _account);
            try
            {
                while (records.MoveNext())
                {
                    writer.Write(records.Record);
                }

                _fileEnd = writer.Finish();
            }
            finally
            {
                writer.Dispose();
            }

            merged.Add(new SortedRun(start, _fileEnd));
        }

        _runs.Clear();
        _runs.AddRange(merged);
    }

    /// <summary>The key of the record at a place.</summary>
    internal static ReadOnlySpan<byte> KeyAt(ReadOnlySpan<byte> bytes, int at, out int recordLength)
    {
        ReadOnlySpan<byte> header = bytes.Slice(at, RecordHeader);
        int keyLength = BinaryPrimitives.ReadUInt16LittleEndian(header);
        recordLength = RecordHeader + keyLength + BinaryPrimitives.ReadUInt16LittleEndian(header[2..]);
        return bytes.Slice(at + RecordHeader, keyLength);
    }

    /// <summary>Eight key bytes as a number that sorts like them, zeros behind the end.</summary>
    internal static ulong Head(ReadOnlySpan<byte> key, int depth)
    {
        ReadOnlySpan<byte> rest = key[Math.Min(depth, key.Length)..];
        if (rest.Length >= sizeof(ulong))
        {
            return BinaryPrimitives.ReadUInt64BigEndian(rest);
        }

        ulong head = 0;
        for (int i = 0; i < rest.Length; i++)
        {
            head |= (ulong)rest[i] << (56 - (8 * i));
        }

        return head;
    }
}
