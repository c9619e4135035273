namespace DimensionStore;

/// <summary>Which dimension each lexicographer file of WordNet belongs to: <c>data/wordnet-map.json</c>, described in <c>data/README.md</c>. Immutable.</summary>
internal sealed class WordNetMap
{
    /// <summary>WordNet 3.0's lexicographer files, lexnames(5WN).</summary>
    public const int FileCount = 45;

    private const string ResourceName = "DimensionStore.wordnet-map.json";
    private const int MaxReasonBytes = 1024;

    private static readonly string[] s_root = ["version", "dimensions", "files"];
    private static readonly string[] s_dimension = ["id", "name", "frequencies"];
    private static readonly string[] s_file = ["number", "name", "dimension", "reason"];

    // The order is that of the layers: part of speech n is layer n.
    private static readonly string[] s_partsOfSpeech = ["noun.", "verb.", "adj.", "adv."];

    private static readonly Lazy<WordNetMap> s_default =
        new(static () => Parse("data/wordnet-map.json (built in)", EmbeddedData.Read(ResourceName), DimensionCatalog.Default));

    private readonly WordNetTarget[] _targets = new WordNetTarget[FileCount];

    private WordNetMap()
    {
    }

    /// <summary>The map that ships with the library.</summary>
    public static WordNetMap Default => s_default.Value;

    /// <summary>Where a lexicographer file's synsets go.</summary>
    public WordNetTarget this[int lexicographerFile] => _targets[lexicographerFile];

    /// <summary>Reads a map.</summary>
    /// <param name="source">Named in errors.</param>
    /// <param name="json">UTF-8.</param>
    /// <param name="catalog">Gives name and frequencies of the dimensions that the map does not describe itself.</param>
    /// <exception cref="InvalidCatalogException">It is not of the described form.</exception>
    public static WordNetMap Parse(string source, ReadOnlySpan<byte> json, DimensionCatalog catalog)
    {
        WordNetMap map = new();
        Dictionary<int, WordNetDimension> dimensions = [];
        foreach (CatalogDimension dimension in catalog.Dimensions)
        {
            float[] frequencies = new float[s_partsOfSpeech.Length];
            foreach (CatalogLayer layer in dimension.Layers)
            {
                frequencies[layer.Layer] = layer.Frequency;
            }

            dimensions.Add(dimension.Id.Value, new WordNetDimension(dimension.Id, dimension.Name, frequencies));
        }

        StrictJson reader = new(source, json);
        uint seen = 0;
        reader.StartObject();
        for (int property; (property = reader.NextProperty(s_root, ref seen)) >= 0;)
        {
            switch (property)
            {
                case 0:
                    _ = reader.Integer(1, 1);
                    break;
                case 1:
                    reader.StartArray();
                    while (reader.NextElement())
                    {
                        ReadDimension(ref reader, dimensions);
                    }

                    break;
                default:
                    if ((seen & 0b10) == 0)
                    {
                        throw reader.Error("\"files\" refers to \"dimensions\"; put it behind them.");
                    }

                    map.ReadFiles(ref reader, dimensions);
                    break;
            }
        }

        reader.End();
        return map;
    }

    private static void ReadDimension(ref StrictJson reader, Dictionary<int, WordNetDimension> dimensions)
    {
        int id = 0;
        string name = "";
        float[] frequencies = new float[s_partsOfSpeech.Length];
        uint seen = 0;
        reader.StartObject();
        for (int property; (property = reader.NextProperty(s_dimension, ref seen)) >= 0;)
        {
            switch (property)
            {
                case 0:
                    id = reader.Integer(1, DimensionId.MaxValue);
                    if (dimensions.ContainsKey(id))
                    {
                        throw reader.Error($"dimension {id} is in the catalog or was described before; each has one description.");
                    }

                    break;
                case 1:
                    name = reader.String(DimensionCatalogReader.MaxNameBytes, "a name");
                    break;
                default:
                    int count = 0;
                    reader.StartArray();
                    while (reader.NextElement())
                    {
                        if (count == frequencies.Length)
                        {
                            throw reader.Error("one number more than the four layers.");
                        }

                        frequencies[count++] = reader.Frequency();
                    }

                    if (count < frequencies.Length)
                    {
                        throw reader.Error($"found {count} numbers, expected four: one for each layer.");
                    }

                    break;
            }
        }

        dimensions.Add(id, new WordNetDimension(new DimensionId(id), name, frequencies));
    }

    private void ReadFiles(ref StrictJson reader, Dictionary<int, WordNetDimension> dimensions)
    {
        int number = 0;
        reader.StartArray();
        for (; reader.NextElement(); number++)
        {
            if (number == FileCount)
            {
                throw reader.Error($"WordNet has {FileCount} lexicographer files, this is one more.");
            }

            _targets[number] = ReadFile(ref reader, number, dimensions);
        }

        if (number < FileCount)
        {
            throw reader.Error($"found {number} lexicographer files, expected all {FileCount}: none of their synsets may be lost.");
        }
    }

    private static WordNetTarget ReadFile(ref StrictJson reader, int number, Dictionary<int, WordNetDimension> dimensions)
    {
        int layer = 0;
        string name = "";
        WordNetDimension? dimension = null;
        uint seen = 0;
        reader.StartObject();
        for (int property; (property = reader.NextProperty(s_file, ref seen)) >= 0;)
        {
            switch (property)
            {
                case 0:
                    _ = reader.Integer(number, number);
                    break;
                case 1:
                    name = reader.String(DimensionCatalogReader.MaxNameBytes, "a name");
                    layer = Array.FindIndex(s_partsOfSpeech, p => name.StartsWith(p, StringComparison.Ordinal));
                    if (layer < 0)
                    {
                        throw reader.Error($"\"{name}\" begins with none of {string.Join(' ', s_partsOfSpeech)}");
                    }

                    break;
                case 2:
                    int id = reader.Integer(1, DimensionId.MaxValue);
                    if (!dimensions.TryGetValue(id, out dimension))
                    {
                        throw reader.Error($"dimension {id} is neither in the catalog nor described in \"dimensions\".");
                    }

                    break;
                default:
                    _ = reader.String(MaxReasonBytes, "a reason");
                    break;
            }
        }

        return new WordNetTarget(name, layer, dimension!);
    }
}
