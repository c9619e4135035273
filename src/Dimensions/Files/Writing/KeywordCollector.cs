using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using System.Text.Unicode;

namespace DimensionStore;

/// <summary>Takes in the keywords of entries: folds them, refuses what an index cannot hold, and sorts them. An entry's keywords come in all or not at all.</summary>
internal sealed class KeywordCollector : IDisposable
{
    private readonly ExternalSorter _sorter;
    private readonly bool _numberKeywords;
    private ulong _keywords;

    /// <param name="account">Pays for the memory.</param>
    /// <param name="scratch">Where runs go, or null.</param>
    /// <param name="limit">Bytes to hold before a run is written.</param>
    /// <param name="numberKeywords">Order by keyword, not by entry: for lists in order of first appearance.</param>
    public KeywordCollector(MemoryAccount account, ScratchSpace? scratch, long limit, bool numberKeywords)
    {
        _sorter = new ExternalSorter(account, scratch, limit);
        _numberKeywords = numberKeywords;
    }

    /// <summary>Keywords taken in, with repetitions.</summary>
    public long Count => _sorter.Count;

    /// <summary>Runs that were written to scratch.</summary>
    public int RunCount => _sorter.RunCount;

    /// <summary>Takes in an entry's keywords.</summary>
    /// <param name="keywords">As written.</param>
    /// <param name="entry">Where the entry lies.</param>
    /// <param name="entryNumber">How many entries came before.</param>
    /// <param name="layerKeywords">The list of the layer's keywords, or null when it wants none.</param>
    public void Add(IReadOnlyList<string> keywords, EntryLocation entry, long entryNumber, LayerKeywords? layerKeywords)
    {
        _sorter.SpillIfFull();
        (int position, int resident, ulong before) = (_sorter.Position, _sorter.ResidentCount, _keywords);
        try
        {
            // By index: an enumerator over the interface would be an allocation per entry.
            for (int i = 0; i < keywords.Count; i++)
            {
                Add(keywords[i], entry, entryNumber);
            }

            layerKeywords?.Add(_sorter.Arena, position);
        }
        catch
        {
            _sorter.Rollback(position, resident);
            _keywords = before;
            throw;
        }
    }

    /// <summary>Takes in an entry's keywords from UTF-8, each ended by a zero byte but the last, which may be.</summary>
    public void AddUtf8(ReadOnlySpan<byte> keywords, EntryLocation entry, long entryNumber, LayerKeywords? layerKeywords)
    {
        _sorter.SpillIfFull();
        (int position, int resident, ulong before) = (_sorter.Position, _sorter.ResidentCount, _keywords);
        try
        {
            while (!keywords.IsEmpty)
            {
                int end = keywords.IndexOf((byte)0);
                AddUtf8(end < 0 ? keywords : keywords[..end], entry, entryNumber);
                keywords = end < 0 ? default : keywords[(end + 1)..];
            }

            layerKeywords?.Add(_sorter.Arena, position);
        }
        catch
        {
            _sorter.Rollback(position, resident);
            _keywords = before;
            throw;
        }
    }

    /// <summary>All keywords, sorted as <see cref="EntryKeyword"/> says.</summary>
    public SortedRecords Read() => _sorter.Read();

    /// <summary>Gives memory and scratch back.</summary>
    public void Dispose() => _sorter.Dispose();

    private void Add(string keyword, EntryLocation entry, long entryNumber)
    {
        Span<byte> room = _sorter.Reserve(EntryKeyword.MaxBytes);
        int length = keyword is null ? -1 : KeywordFolding.Fold(keyword.AsSpan(), room);
        if (length < 0)
        {
            throw Refused(keyword);
        }

        Span<byte> display = room.Slice(length + EntryKeyword.KeyTail + EntryKeyword.PayloadHead, KeywordIndexFormat.MaxDisplayBytes);
        if (Utf8.FromUtf16(keyword, display, out _, out int written) != OperationStatus.Done)
        {
            throw Refused(keyword);
        }

        Commit(room, length, display[..written], entry, entryNumber);
    }

    private void AddUtf8(ReadOnlySpan<byte> keyword, EntryLocation entry, long entryNumber)
    {
        Span<byte> room = _sorter.Reserve(EntryKeyword.MaxBytes);
        int length = KeywordFolding.Fold(keyword, room);
        if (length < 0 || keyword.Length > KeywordIndexFormat.MaxDisplayBytes)
        {
            throw Refused(Encoding.UTF8.GetString(keyword));
        }

        Span<byte> display = room.Slice(length + EntryKeyword.KeyTail + EntryKeyword.PayloadHead, keyword.Length);
        keyword.CopyTo(display);
        Commit(room, length, display, entry, entryNumber);
    }

    private void Commit(Span<byte> room, int foldedLength, ReadOnlySpan<byte> display, EntryLocation entry, long entryNumber)
    {
        room[foldedLength] = 0;
        room[foldedLength + 1] = (byte)entry.Layer;
        Span<byte> payload = room[(foldedLength + EntryKeyword.KeyTail)..];
        BinaryPrimitives.WriteUInt64LittleEndian(payload, _numberKeywords ? _keywords : (ulong)entryNumber);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[8..], (uint)entry.Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(payload[12..], (uint)entry.Length);
        int displayLength = display.SequenceEqual(room[..foldedLength]) ? 0 : display.Length;
        _sorter.Commit(foldedLength + EntryKeyword.KeyTail, EntryKeyword.PayloadHead + displayLength);
        _keywords++;
    }

    private static InvalidEntryException Refused(string? keyword)
    {
        if (string.IsNullOrEmpty(keyword))
        {
            return new InvalidEntryException("A keyword is empty; leave it out or write at least one character.");
        }

        string shown = keyword.Length <= 40 ? keyword : string.Concat(keyword.AsSpan(0, 40), "…");
        shown = shown.Replace("\0", "\\0", StringComparison.Ordinal);
        return new InvalidEntryException(
            $"The keyword '{shown}' cannot be indexed: a keyword is valid Unicode text without NUL, at most {KeywordIndexFormat.MaxKeyBytes:N0} bytes of UTF-8 once case folded and {KeywordIndexFormat.MaxDisplayBytes:N0} as written; this one has {Encoding.UTF8.GetByteCount(keyword):N0}.");
    }
}
