using System.Collections.ObjectModel;

namespace DimensionStore;

/// <summary>Reads the form that <c>data/README.md</c> describes. Nothing is guessed: what is not described there is refused.</summary>
internal static class DimensionCatalogReader
{
    internal const int MaxKeywordBytes = 1024;
    internal const int MaxNameBytes = 64;
    private const int MaxTextBytes = 1 << 20;
    private const int Version = 1;

    private static readonly string[] s_root = ["version", "dimensions"];
    private static readonly string[] s_dimension = ["id", "name", "layers"];
    private static readonly string[] s_layer = ["layer", "depth", "frequency", "keywords", "entries"];
    private static readonly string[] s_entry = ["keywords", "text"];

    public static IReadOnlyList<CatalogDimension> Read(string source, ReadOnlySpan<byte> json)
    {
        StrictJson reader = new(source, json);
        List<CatalogDimension> dimensions = [];
        uint seen = 0;
        reader.StartObject();
        for (int property; (property = reader.NextProperty(s_root, ref seen)) >= 0;)
        {
            if (property == 0)
            {
                _ = reader.Integer(Version, Version);
                continue;
            }

            reader.StartArray();
            while (reader.NextElement())
            {
                dimensions.Add(ReadDimension(ref reader, dimensions.Count == 0 ? 0 : dimensions[^1].Id.Value));
            }
        }

        if (dimensions.Count == 0)
        {
            throw reader.Error("a catalog has at least one dimension.");
        }

        reader.End();
        return dimensions.AsReadOnly();
    }

    private static CatalogDimension ReadDimension(ref StrictJson reader, int previousId)
    {
        int id = 0;
        string name = "";
        List<CatalogLayer> layers = [];
        uint seen = 0;
        reader.StartObject();
        for (int property; (property = reader.NextProperty(s_dimension, ref seen)) >= 0;)
        {
            switch (property)
            {
                case 0:
                    id = reader.Integer(1, DimensionId.MaxValue);
                    if (id <= previousId)
                    {
                        throw reader.Error($"dimension {id} follows {previousId}; each is there once, in ascending order.");
                    }

                    break;
                case 1:
                    name = reader.String(MaxNameBytes, "a name");
                    break;
                default:
                    reader.StartArray();
                    while (reader.NextElement())
                    {
                        layers.Add(ReadLayer(ref reader, layers.Count == 0 ? -1 : layers[^1].Layer));
                    }

                    if (layers.Count == 0)
                    {
                        throw reader.Error("a dimension has one to four layers, this one has none.");
                    }

                    break;
            }
        }

        return new CatalogDimension(new DimensionId(id), name, layers.AsReadOnly());
    }

    private static CatalogLayer ReadLayer(ref StrictJson reader, int previousLayer)
    {
        int layer = 0;
        int depth = 0;
        float frequency = 0;
        IReadOnlyList<string> keywords = [];
        List<CatalogEntry> entries = [];
        uint seen = 0;
        reader.StartObject();
        for (int property; (property = reader.NextProperty(s_layer, ref seen)) >= 0;)
        {
            switch (property)
            {
                case 0:
                    layer = reader.Integer(0, 3);
                    if (layer <= previousLayer)
                    {
                        throw reader.Error($"layer {layer} follows {previousLayer}; each is there once, in ascending order.");
                    }

                    break;
                case 1:
                    depth = reader.Integer(0, byte.MaxValue);
                    break;
                case 2:
                    frequency = reader.Frequency();
                    break;
                case 3:
                    keywords = ReadKeywords(ref reader);
                    break;
                default:
                    reader.StartArray();
                    while (reader.NextElement())
                    {
                        entries.Add(ReadEntry(ref reader));
                    }

                    break;
            }
        }

        // A keyword of the layer that no entry carries would be shown but never found.
        HashSet<string> carried = new(entries.SelectMany(static e => e.Keywords), StringComparer.OrdinalIgnoreCase);
        foreach (string keyword in keywords)
        {
            if (!carried.Contains(keyword))
            {
                throw reader.Error($"keyword \"{keyword}\" of layer {layer} belongs to none of its entries; give it to one or take it out.");
            }
        }

        return new CatalogLayer(layer, (byte)depth, frequency, keywords, entries.AsReadOnly());
    }

    private static CatalogEntry ReadEntry(ref StrictJson reader)
    {
        IReadOnlyList<string> keywords = [];
        string text = "";
        uint seen = 0;
        reader.StartObject();
        for (int property; (property = reader.NextProperty(s_entry, ref seen)) >= 0;)
        {
            if (property == 0)
            {
                keywords = ReadKeywords(ref reader);
            }
            else
            {
                text = reader.String(MaxTextBytes, "a text");
            }
        }

        return new CatalogEntry(keywords, text);
    }

    private static ReadOnlyCollection<string> ReadKeywords(ref StrictJson reader)
    {
        List<string> keywords = [];
        HashSet<string> known = new(StringComparer.OrdinalIgnoreCase);
        reader.StartArray();
        while (reader.NextElement())
        {
            string keyword = reader.String(MaxKeywordBytes, "a keyword");
            if (!known.Add(keyword))
            {
                throw reader.Error($"keyword \"{keyword}\" is there twice (letter case does not count); give it once.");
            }

            keywords.Add(keyword);
        }

        return keywords.AsReadOnly();
    }
}
