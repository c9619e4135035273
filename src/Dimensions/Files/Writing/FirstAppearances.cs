using System.Buffers.Binary;

namespace DimensionStore;

/// <summary>Distinct keywords per layer in the order in which they first appeared: one sort brings the same ones together, a second the first ones into order.</summary>
internal sealed class FirstAppearances : IDisposable
{
    private const int KeyBytes = 1 + sizeof(ulong);

    private readonly ExternalSorter _sorter;

    /// <param name="account">Pays for the memory.</param>
    /// <param name="scratch">Where runs go, or null.</param>
    /// <param name="limit">Bytes to hold before a run is written.</param>
    public FirstAppearances(MemoryAccount account, ScratchSpace? scratch, long limit) => _sorter = new ExternalSorter(account, scratch, limit);

    /// <summary>Takes in sorted keywords whose order is that of keywords, not entries.</summary>
    public void Collect(SortedRecords keywords, Func<int, bool> wanted, CancellationToken cancellationToken)
    {
        Span<byte> last = stackalloc byte[KeywordIndexFormat.MaxKeyBytes];
        int lastLength = 0;
        int lastLayer = -1;
        while (keywords.MoveNext())
        {
            EntryKeyword record = new(keywords.Split(out ReadOnlySpan<byte> payload), payload);
            if (!wanted(record.Layer) || (record.Layer == lastLayer && record.Folded.SequenceEqual(last[..lastLength])))
            {
                continue;
            }

            record.Folded.CopyTo(last);
            lastLength = record.Folded.Length;
            lastLayer = record.Layer;
            _sorter.SpillIfFull();
            cancellationToken.ThrowIfCancellationRequested();
            ReadOnlySpan<byte> written = record.Written;
            Span<byte> room = _sorter.Reserve(KeyBytes + written.Length);
            room[0] = record.Layer;
            BinaryPrimitives.WriteUInt64BigEndian(room[1..], record.Order);
            written.CopyTo(room[KeyBytes..]);
            _sorter.Commit(KeyBytes, written.Length);
        }
    }

    /// <summary>Hands the keywords to their layers' lists.</summary>
    public void AppendTo(Func<int, LayerKeywords> list, CancellationToken cancellationToken)
    {
        using SortedRecords records = _sorter.Read();
        while (records.MoveNext())
        {
            cancellationToken.ThrowIfCancellationRequested();
            int layer = records.Split(out ReadOnlySpan<byte> keyword)[0];
            list(layer).Append(keyword);
        }
    }

    /// <summary>Gives memory and scratch back.</summary>
    public void Dispose() => _sorter.Dispose();
}
