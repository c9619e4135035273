using System.Text;

namespace DimensionStore.Tests.Golden;

/// <summary>What the golden files hold, and how the writer makes them.</summary>
internal static class GoldenFiles
{
    public static string[] Names { get; } = ["plain", "extended", "sealed", "compressed"];

    /// <summary>The directory that golden files and the format page are copied to when the tests are built.</summary>
    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Golden", name + ".mmap");

    /// <summary>Writes a golden file anew.</summary>
    public static void Write(string name, string path)
    {
        bool compressed = name == "compressed";
        var options = new DimensionWriterOptions
        {
            Id = new DimensionId(name == "sealed" ? 9 : compressed ? 7 : 1),
            Name = name == "sealed" ? "Ethics" : compressed ? "Technik & Größe" : "Emotion",
            Plain = name == "plain",
            Layers = new Dictionary<int, LayerSettings>
            {
                [0] = new() { Frequency = 432.5f, Codec = compressed ? LayerCodec.Brotli : LayerCodec.None },
                [1] = new() { Frequency = 528f, Depth = 3, Codec = compressed ? LayerCodec.ZLib : LayerCodec.None },
            },
        };
        using var writer = new DimensionFileWriter(path, options);
        foreach ((int layer, string[] keywords, string content) in Entries(name))
        {
            writer.AddEntry(layer, keywords, Encoding.UTF8.GetBytes(content));
        }

        writer.Complete();
    }

    /// <summary>The entries of a golden file, in the order of writing.</summary>
    public static IEnumerable<(int Layer, string[] Keywords, string Content)> Entries(string name)
    {
        yield return (0, ["Joy", "happiness"], "A feeling of great pleasure.");
        yield return (0, ["JOY", "Freude"], "Freude");
        if (name is "extended")
        {
            yield break;
        }

        yield return (1, ["ΛΎΠΗ", "grief", "Straße"], "Grief is the price we pay for love.");
        yield return (1, ["STRAẞE", "a keyword that is longer than sixteen bytes"], string.Concat(Enumerable.Repeat("again and again, ", 20)));
        for (int i = 0; i < 30; i++)
        {
            yield return (i % 2, [$"Number {i:D2}", "number"], $"Entry {i}.");
        }

        yield return (0, [], "An entry without keywords.");
    }
}
