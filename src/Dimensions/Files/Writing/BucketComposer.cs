using System.Buffers.Binary;

namespace DimensionStore;

/// <summary>
/// Fills the hash buckets of a keyword index line by line: keys are sorted by their hash, of which the line is a monotone function.
/// What a line has no room for moves on to the next, first come first, before that line's own; what the last line has no room for begins at the first.
/// </summary>
/// <remarks>
/// The obvious way, writing each key's slot into a map of the file, needs the whole table in memory or lets a full disk kill the process
/// (a fault on a mapped page has no error code). Sorting costs a few milliseconds per hundred thousand keys.
/// </remarks>
internal sealed class BucketComposer : IDisposable
{
    private const int KeyBytes = 2 * sizeof(uint);
    private const int PayloadBytes = sizeof(uint);

    private readonly ExternalSorter _sorter;
    private readonly Queue<Slot> _waiting = new();
    private Slot[] _wrapped = [];

    /// <param name="account">Pays for the memory.</param>
    /// <param name="scratch">Where runs go, or null.</param>
    /// <param name="limit">Bytes to hold before a run is written.</param>
    public BucketComposer(MemoryAccount account, ScratchSpace? scratch, long limit) => _sorter = new ExternalSorter(account, scratch, limit);

    /// <summary>Takes in a key.</summary>
    /// <param name="hash">Its hash.</param>
    /// <param name="reference">Where its record lies.</param>
    /// <param name="hint">Where its first entry's bytes lie, 0 for none.</param>
    public void Add(uint hash, uint reference, uint hint)
    {
        _sorter.SpillIfFull();
        Span<byte> room = _sorter.Reserve(KeyBytes + PayloadBytes);
        BinaryPrimitives.WriteUInt32BigEndian(room, hash);
        BinaryPrimitives.WriteUInt32BigEndian(room[4..], reference);
        BinaryPrimitives.WriteUInt32LittleEndian(room[KeyBytes..], hint);
        _sorter.Commit(KeyBytes, PayloadBytes);
    }

    /// <summary>Finds out which keys wrap around from the last line to the first.</summary>
    /// <returns>The most lines that a lookup visits.</returns>
    public uint Place(uint bucketCount)
    {
        uint maxProbe = Fill(bucketCount, null, CancellationToken.None);
        if (_waiting.Count > 0)
        {
            // They fill gaps in the first lines; since the table has more slots than keys, no more of them reach the end than before.
            _wrapped = [.. _waiting];
            maxProbe = Fill(bucketCount, null, CancellationToken.None);
        }

        return maxProbe;
    }

    /// <summary>Writes all lines.</summary>
    public void Write(ImageSink sink, uint bucketCount, CancellationToken cancellationToken) => Fill(bucketCount, sink, cancellationToken);

    /// <summary>Gives memory and scratch back.</summary>
    public void Dispose() => _sorter.Dispose();

    private uint Fill(uint bucketCount, ImageSink? sink, CancellationToken cancellationToken)
    {
        using SortedRecords records = _sorter.Read();
        _waiting.Clear();
        foreach (Slot slot in _wrapped)
        {
            // Lines go on counting behind the last: home stays behind, so distances stay right.
            _waiting.Enqueue(slot with { Line = slot.Line - bucketCount });
        }

        Span<byte> line = stackalloc byte[KeywordIndexFormat.BucketBytes];
        uint maxProbe = 1;
        bool more = TryNext(records, bucketCount, out Slot next);
        for (long at = 0; at < bucketCount; at++)
        {
            if ((at & 0xFFF) == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }

            line.Clear();
            int used = 0;
            while (used < KeywordIndexFormat.SlotsPerBucket && _waiting.TryDequeue(out Slot waiting))
            {
                maxProbe = Math.Max(maxProbe, (uint)(at - waiting.Line + 1));
                Put(line, used++, waiting);
            }

            while (more && next.Line == at)
            {
                if (used < KeywordIndexFormat.SlotsPerBucket)
                {
                    Put(line, used++, next);
                }
                else
                {
                    _waiting.Enqueue(next);
                }

                more = TryNext(records, bucketCount, out next);
            }

            sink?.Write(line);
        }

        return maxProbe;
    }

    private static bool TryNext(SortedRecords records, uint bucketCount, out Slot slot)
    {
        slot = default;
        if (!records.MoveNext())
        {
            return false;
        }

        ReadOnlySpan<byte> key = records.Split(out ReadOnlySpan<byte> payload);
        uint hash = BinaryPrimitives.ReadUInt32BigEndian(key);
        slot = new Slot(
            (long)KeywordIndexFormat.Bucket(hash, bucketCount),
            KeywordIndexFormat.Tag(hash),
            BinaryPrimitives.ReadUInt32BigEndian(key[4..]),
            BinaryPrimitives.ReadUInt32LittleEndian(payload));
        return true;
    }

    private static void Put(Span<byte> line, int index, Slot slot)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(line[(index * sizeof(ushort))..], slot.Tag);
        BinaryPrimitives.WriteUInt32LittleEndian(line[(KeywordIndexFormat.BucketReferencesOffset + (index * sizeof(uint)))..], slot.Reference);
        BinaryPrimitives.WriteUInt32LittleEndian(line[(KeywordIndexFormat.BucketHintsOffset + (index * sizeof(uint)))..], slot.Hint);
    }

    private readonly record struct Slot(long Line, ushort Tag, uint Reference, uint Hint);
}
