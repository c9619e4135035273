using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>Walks over sorted records: those of one array, or those of several runs merged by a heap of their next records.</summary>
internal sealed class SortedRecords : IDisposable
{
    private readonly byte[] _arena = [];
    private readonly ReadOnlyMemory<uint> _order;
    private readonly RunReader[] _heap = [];
    private readonly MemoryAccount? _account;
    private int _live;
    private int _index = -1;
    private bool _started;

    /// <summary>Walks over records in memory.</summary>
    public SortedRecords(byte[] arena, ReadOnlyMemory<uint> order)
    {
        _arena = arena;
        _order = order;
    }

    /// <summary>Merges runs.</summary>
    public SortedRecords(FileOperations files, SafeFileHandle file, ReadOnlySpan<SortedRun> runs, int bufferBytes, MemoryAccount account)
    {
        _account = account;
        _heap = new RunReader[runs.Length];
        for (int i = 0; i < runs.Length; i++)
        {
            _heap[i] = new RunReader(files, file, runs[i], i, ArrayPool<byte>.Shared.Rent(bufferBytes));
            account.Take(_heap[i].BufferLength);
        }
    }

    /// <summary>The current record, header included.</summary>
    public ReadOnlySpan<byte> Record
    {
        get
        {
            if (_heap.Length != 0)
            {
                return _heap[0].Record;
            }

            int at = (int)_order.Span[_index];
            ExternalSorter.KeyAt(_arena, at, out int length);
            return _arena.AsSpan(at, length);
        }
    }

    /// <summary>The current record's key and payload; valid until the next step.</summary>
    public ReadOnlySpan<byte> Split(out ReadOnlySpan<byte> payload)
    {
        ReadOnlySpan<byte> record = Record;
        int keyLength = BinaryPrimitives.ReadUInt16LittleEndian(record);
        payload = record[(ExternalSorter.RecordHeader + keyLength)..];
        return record.Slice(ExternalSorter.RecordHeader, keyLength);
    }

    /// <summary>Goes to the next record; false at the end.</summary>
    public bool MoveNext()
    {
        if (_heap.Length == 0)
        {
            return ++_index < _order.Length;
        }

        if (!_started)
        {
            Start();
            return _live > 0;
        }

        if (!_heap[0].MoveNext())
        {
            _live--;
            // The spent reader is kept behind the heap: its buffer is given back with the others.
            (_heap[0], _heap[_live]) = (_heap[_live], _heap[0]);
        }

        SiftDown(0);
        return _live > 0;
    }

    /// <summary>Gives the readers' buffers back.</summary>
    public void Dispose()
    {
        foreach (RunReader reader in _heap)
        {
            _account!.Return(reader.BufferLength);
            reader.ReturnBuffer();
        }
    }

    private void Start()
    {
        _started = true;
        foreach (RunReader reader in _heap.AsSpan())
        {
            if (!reader.MoveNext())
            {
                throw new InvalidOperationException("A run without records was written.");
            }
        }

        _live = _heap.Length;
        for (int i = (_live / 2) - 1; i >= 0; i--)
        {
            SiftDown(i);
        }
    }

    private void SiftDown(int parent)
    {
        while (true)
        {
            int child = (2 * parent) + 1;
            if (child >= _live)
            {
                return;
            }

            if (child + 1 < _live && RunReader.Compare(_heap[child + 1], _heap[child]) < 0)
            {
                child++;
            }

            if (RunReader.Compare(_heap[parent], _heap[child]) <= 0)
            {
                return;
            }

            (_heap[parent], _heap[child]) = (_heap[child], _heap[parent]);
            parent = child;
        }
    }
}
