using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>Reads one run front to back.</summary>
internal sealed class RunReader(FileOperations files, SafeFileHandle file, SortedRun run, int ordinal, byte[] buffer)
{
    private byte[] _buffer = buffer;
    private long _position = run.Start;
    private int _start;
    private int _length;
    private int _filled;
    private ulong _head;

    /// <summary>Bytes of the buffer.</summary>
    public int BufferLength => _buffer.Length;

    /// <summary>The current record, header included.</summary>
    public ReadOnlySpan<byte> Record => _buffer.AsSpan(_start, _length);

    /// <summary>Orders readers by their current keys, equal ones by age.</summary>
    public static int Compare(RunReader left, RunReader right)
    {
        int order = left._head.CompareTo(right._head);
        if (order == 0)
        {
            order = left.Key.SequenceCompareTo(right.Key);
        }

        return order == 0 ? left.Ordinal.CompareTo(right.Ordinal) : order;
    }

    private int Ordinal { get; } = ordinal;

    private ReadOnlySpan<byte> Key => ExternalSorter.KeyAt(_buffer, _start, out _);

    /// <summary>Goes to the next record; false at the end.</summary>
    public bool MoveNext()
    {
        _start += _length;
        _length = 0;
        if (_filled - _start < ExternalSorter.RecordHeader && !Fill())
        {
            return false;
        }

        ReadOnlySpan<byte> header = _buffer.AsSpan(_start, ExternalSorter.RecordHeader);
        int length = ExternalSorter.RecordHeader + BinaryPrimitives.ReadUInt16LittleEndian(header) + BinaryPrimitives.ReadUInt16LittleEndian(header[2..]);
        if (_filled - _start < length)
        {
            Fill();
        }

        _length = length;
        _head = ExternalSorter.Head(Key, 0);
        return true;
    }

    /// <summary>Gives the buffer back.</summary>
    public void ReturnBuffer()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    private bool Fill()
    {
        int rest = _filled - _start;
        _buffer.AsSpan(_start, rest).CopyTo(_buffer);
        _start = 0;
        int n = (int)Math.Min(_buffer.Length - rest, run.End - _position);
        files.ReadExactly(file, _buffer.AsSpan(rest, n), _position);
        _position += n;
        _filled = rest + n;
        return _filled > 0;
    }
}
