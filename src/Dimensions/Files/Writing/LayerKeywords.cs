using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace DimensionStore;

/// <summary>
/// The keywords that name a layer in the metadata, in the form they have there: u32 length and UTF-8. In an indexed file the first
/// distinct ones of the entries, up to a limit: the index holds the rest, and opening must not have to read a list as long as the index.
/// </summary>
internal sealed class LayerKeywords : IDisposable
{
    private const int MaxCount = 256;
    private const int MaxBytes = 8 << 10;

    private readonly SpillBuffer _bytes;
    private readonly HashSet<byte[]> _folded = new(FoldedComparer.Instance);
    private readonly HashSet<byte[]>.AlternateLookup<ReadOnlySpan<byte>> _lookup;
    private long _textBytes;

    public LayerKeywords(SpillBuffer bytes)
    {
        _bytes = bytes;
        _lookup = _folded.GetAlternateLookup<ReadOnlySpan<byte>>();
    }

    /// <summary>How many keywords.</summary>
    public uint Count { get; private set; }

    /// <summary>The keywords as they stand in the metadata.</summary>
    public SpillBuffer Bytes => _bytes;

    /// <summary>Whether no keyword of an entry will be added any more.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Appends a keyword, whatever the limits for entries' keywords say.</summary>
    public void Append(ReadOnlySpan<byte> keyword)
    {
        Span<byte> length = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteInt32LittleEndian(length, keyword.Length);
        _bytes.Append(length);
        _bytes.Append(keyword);
        Count = checked(Count + 1);
    }

    /// <summary>Takes those of an entry's keywords that are new, until the list is full.</summary>
    /// <param name="arena">The sorter's records.</param>
    /// <param name="position">Where the entry's begin.</param>
    public void Add(ReadOnlySpan<byte> arena, int position)
    {
        while (position < arena.Length && !IsFull)
        {
            ReadOnlySpan<byte> key = ExternalSorter.KeyAt(arena, position, out int length);
            EntryKeyword record = new(key, arena[(position + ExternalSorter.RecordHeader + key.Length)..(position + length)]);
            position += length;
            if (_lookup.Contains(record.Folded))
            {
                continue;
            }

            if (Count == MaxCount || _textBytes + record.Written.Length > MaxBytes)
            {
                IsFull = true;
                return;
            }

            _lookup.Add(record.Folded);
            _textBytes += record.Written.Length;
            Append(record.Written);
        }
    }

    /// <summary>Gives memory and scratch back.</summary>
    public void Dispose() => _bytes.Dispose();

    private sealed class FoldedComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static FoldedComparer Instance { get; } = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode([DisallowNull] byte[] obj) => GetHashCode(obj.AsSpan());

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate) => (int)KeywordHash.Compute(alternate);

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
