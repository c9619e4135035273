namespace DimensionStore;

/// <summary>
/// The keywords of a file without an index, folded. They name layers, so what they find is a whole layer. A linear scan: such lists are
/// short, and the folded bytes lie in one array.
/// </summary>
internal sealed class PlainKeywords
{
    private readonly byte[] _bytes;
    private readonly (int Start, int Length, int Layer, string Keyword)[] _keywords;

    public PlainKeywords(DimensionDescriptor descriptor)
    {
        Span<byte> buffer = stackalloc byte[KeywordFolding.MaxFoldedBytes + 8];
        List<byte> bytes = [];
        List<(int, int, int, string)> keywords = [];
        foreach (LayerDescriptor layer in descriptor.Layers)
        {
            foreach (string keyword in layer.Keywords)
            {
                // The metadata allows longer keywords than an index; those cannot be asked for, so they are left out.
                int length = KeywordFolding.Fold(keyword, buffer);
                if (length > 0)
                {
                    keywords.Add((bytes.Count, length, layer.Layer, keyword));
                    bytes.AddRange(buffer[..length]);
                }
            }
        }

        _bytes = [.. bytes];
        _keywords = [.. keywords];
    }

    /// <summary>The layers that a folded keyword names, a bit each.</summary>
    public int Find(ReadOnlySpan<byte> folded)
    {
        int layers = 0;
        foreach ((int start, int length, int layer, _) in _keywords)
        {
            if (_bytes.AsSpan(start, length).SequenceEqual(folded))
            {
                layers |= 1 << layer;
            }
        }

        return layers;
    }

    /// <summary>The keywords that match, each with the layer it names, ascending by folded bytes, then layer. A keyword that a layer lists in several spellings comes once, as first written.</summary>
    public List<(string Keyword, int Layer)> Find(KeywordMatch match, ReadOnlySpan<byte> folded)
    {
        List<(int Start, int Length, int Layer, string Keyword)> hits = [];
        foreach ((int Start, int Length, int Layer, string Keyword) keyword in _keywords)
        {
            if (Matches(match, folded, _bytes.AsSpan(keyword.Start, keyword.Length)) && !Contains(hits, keyword))
            {
                hits.Add(keyword);
            }
        }

        hits.Sort((x, y) =>
        {
            int order = Folded(x).SequenceCompareTo(Folded(y));
            return order != 0 ? order : x.Layer.CompareTo(y.Layer);
        });
        return hits.ConvertAll(static h => (h.Keyword, h.Layer));
    }

    private static bool Matches(KeywordMatch match, ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> key) => match switch
    {
        KeywordMatch.Exact => key.SequenceEqual(pattern),
        KeywordMatch.Prefix => key.StartsWith(pattern),
        _ => WildcardPattern.IsMatch(pattern, key),
    };

    private ReadOnlySpan<byte> Folded((int Start, int Length, int Layer, string Keyword) keyword) => _bytes.AsSpan(keyword.Start, keyword.Length);

    private bool Contains(List<(int Start, int Length, int Layer, string Keyword)> hits, (int Start, int Length, int Layer, string Keyword) keyword)
    {
        foreach ((int Start, int Length, int Layer, string Keyword) hit in hits)
        {
            if (hit.Layer == keyword.Layer && Folded(hit).SequenceEqual(Folded(keyword)))
            {
                return true;
            }
        }

        return false;
    }
}
