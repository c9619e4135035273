using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace DimensionStore.Fuzz;

/// <summary>
/// Reads an image in every way there is and says what the reader did wrong: any exception but <see cref="DimensionFormatException"/>, more work or memory
/// than the image warrants, or a lookup that contradicts a verification. Not thread-safe.
/// </summary>
[SuppressMessage("Performance", "CA1852:Seal internal types", Justification = "The controls that prove it derive from it; they are compiled with the tests.")]
internal class FuzzOracle
{
    /// <summary>What reading may allocate beside what the image's own length allows: errors with their texts, and decompressors with their buffers.</summary>
    private const long FreeBytes = 1 << 20;
    private const long BytesPerByte = 64;

    private static readonly string[] Exact = ["joy", "JOY", "Götterfunken", "λύπη", "key 0007", "shared", "a rather long second keyword, number 11", "absent", "x"];
    private static readonly string[] Prefixes = ["", "j", "key", "a rathe", "a rather", "a rather long second", "a rather long second keyword, number 1", "ß", "\uFFFF", "zzzzzzzzzzzz"];
    private static readonly string[] Patterns = ["*", "?*", "*e*e*", "key ????", "*0*1", "a rather long*1?", "j*", "λ?π*"];

    private readonly byte[] _folded = new byte[FoldedKeyword.BufferBytes];
    private bool _verified;

    /// <summary>Images whose header and metadata were accepted.</summary>
    public long Parsed { get; private set; }

    /// <summary>Images that passed a full verification.</summary>
    public long Verified { get; private set; }

    /// <summary>Checks one image.</summary>
    /// <returns>Null when the reader did right, else what it did wrong.</returns>
    public string? Check(ReadOnlySpan<byte> image)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            Exercise(image);
        }
        catch (FuzzViolationException violation)
        {
            return violation.Message;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            return $"{error.GetType().Name} where only {nameof(DimensionFormatException)} may come: {error}";
        }

        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return allocated > FreeBytes + (BytesPerByte * image.Length)
            ? $"{allocated:N0} bytes allocated for an image of {image.Length:N0}"
            : null;
    }

    /// <summary>Reads the image in every way.</summary>
    protected virtual void Exercise(ReadOnlySpan<byte> image)
    {
        DimensionDescriptor? descriptor = Parse(image);
        ParseInSteps(image, descriptor);
        if (descriptor is null)
        {
            return;
        }

        Parsed++;
        foreach (LayerDescriptor layer in descriptor.Layers)
        {
            Require(layer.Keywords.Count == layer.KeywordCount, "keywords differ from their count");
            _ = image.Slice(checked((int)layer.ContentOffset), checked((int)layer.ContentSize));
        }

        _verified = Verify(descriptor, image);
        bool damaged = !TrySearch(descriptor, image);
        Require(!(_verified && damaged), "a verified image is damaged to a lookup");
        Verified += _verified ? 1 : 0;
    }

    /// <summary>Reads the bytes of an entry, as a store does. Bounds are checked against the layer, since postings are only known to have the right form.</summary>
    protected virtual void ReadContent(ReadOnlySpan<byte> layer, EntryLocation entry)
    {
        if (entry.Offset <= layer.Length && entry.Length <= layer.Length - entry.Offset)
        {
            _ = layer.Slice((int)entry.Offset, entry.Length);
        }
    }

    private static DimensionDescriptor? Parse(ReadOnlySpan<byte> image)
    {
        try
        {
            return DimensionDescriptor.Parse(image, image.Length);
        }
        catch (DimensionFormatException)
        {
            return null;
        }
    }

    /// <summary>Parsing in steps must end, and must agree with parsing at once.</summary>
    private static void ParseInSteps(ReadOnlySpan<byte> image, DimensionDescriptor? whole)
    {
        if (whole is null)
        {
            return;
        }

        int length = Math.Min(image.Length, DimensionFormat.HeaderBytes);
        for (int steps = 0; ; steps++)
        {
            Require(steps <= 32, "parsing in steps does not end");
            if (DimensionDescriptor.TryParse(image[..length], image.Length, null, out DimensionDescriptor? descriptor, out int needed))
            {
                Require(descriptor.MetadataLength == whole.MetadataLength, "parsing in steps gives another result");
                return;
            }

            Require(needed > length && needed <= image.Length, "parsing in steps asks for what is not there");
            length = needed;
        }
    }

    private static bool Verify(DimensionDescriptor descriptor, ReadOnlySpan<byte> image)
    {
        try
        {
            DimensionImage.Verify(descriptor, image);
            return !descriptor.IsPlain;
        }
        catch (DimensionFormatException)
        {
            return false;
        }
    }

    private bool TrySearch(DimensionDescriptor descriptor, ReadOnlySpan<byte> image)
    {
        if (!descriptor.HasIndex)
        {
            return true;
        }

        bool sound = true;
        KeywordIndex index;
        try
        {
            index = KeywordIndex.Open(image.Slice((int)descriptor.IndexOffset, (int)descriptor.IndexLength), descriptor.IndexOffset);
        }
        catch (DimensionFormatException)
        {
            return false;
        }

        foreach (string keyword in Exact)
        {
            sound &= TryExact(index, keyword, descriptor, image);
        }

        foreach (string prefix in Prefixes)
        {
            sound &= TryWalk(index, prefix, false, descriptor, image);
        }

        foreach (string pattern in Patterns)
        {
            sound &= TryWalk(index, pattern, true, descriptor, image);
        }

        return sound;
    }

    private bool TryExact(KeywordIndex index, string keyword, DimensionDescriptor descriptor, ReadOnlySpan<byte> image)
    {
        try
        {
            if (index.TryFind(keyword, out PostingList postings))
            {
                ReadPostings(postings, descriptor, image);
            }

            return true;
        }
        catch (DimensionFormatException)
        {
            return false;
        }
    }

    private bool TryWalk(KeywordIndex index, string text, bool isPattern, DimensionDescriptor descriptor, ReadOnlySpan<byte> image)
    {
        try
        {
            KeywordCursor cursor = isPattern ? index.FindWildcard(text) : index.FindPrefix(text);
            long steps = 0;
            while (cursor.MoveNext())
            {
                Require(++steps <= index.KeywordCount, "a walk is longer than the keywords there are");
                Require(!cursor.Keyword.IsEmpty && !cursor.FoldedKeyword.IsEmpty, "a walk shows no keyword");
                if (_verified && !isPattern && text.Length > 0)
                {
                    int folded = KeywordFolding.Fold(text, _folded);
                    Require(cursor.FoldedKeyword.StartsWith(_folded.AsSpan(0, folded)), "a prefix walk shows a keyword that does not begin with the prefix");
                }

                ReadPostings(cursor.Postings, descriptor, image);
                _ = Encoding.UTF8.GetCharCount(cursor.Keyword);
            }

            return true;
        }
        catch (DimensionFormatException)
        {
            return false;
        }
    }

    private void ReadPostings(PostingList postings, DimensionDescriptor descriptor, ReadOnlySpan<byte> image)
    {
        Require(postings.Count > 0, "a keyword without postings");
        for (int i = 0; i < postings.Count; i++)
        {
            EntryLocation entry = postings[i];
            foreach (LayerDescriptor layer in descriptor.Layers)
            {
                if (layer.Layer == entry.Layer && layer.Codec == LayerCodec.None)
                {
                    ReadContent(image.Slice((int)layer.ContentOffset, (int)layer.ContentSize), entry);
                }
            }
        }
    }

    private static void Require(bool condition, string violation)
    {
        if (!condition)
        {
            throw new FuzzViolationException(violation);
        }
    }

    private sealed class FuzzViolationException(string message) : Exception(message);
}
