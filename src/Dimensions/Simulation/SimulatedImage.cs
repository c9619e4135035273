using System.Text;

namespace DimensionStore;

/// <summary>
/// The image of a dimension that has no file, made of the catalog by the writer that makes files. From here on nothing tells it from a mapped file but a flag:
/// a second mechanism for simulated answers would be a second set of errors.
/// </summary>
internal static class SimulatedImage
{
    /// <summary>Makes the image. The same dimension gives the same bytes.</summary>
    public static byte[] Build(CatalogDimension source)
    {
        DimensionWriterOptions options = new()
        {
            Id = source.Id,
            Name = source.Name,
            Layers = source.Layers.ToDictionary(
                static l => l.Layer,
                static l => new LayerSettings { Depth = l.Depth, Frequency = l.Frequency, Keywords = l.Keywords }),
        };
        using DimensionComposer composer = new(options, scratch: null);
        foreach (CatalogLayer layer in source.Layers)
        {
            composer.AddLayer(layer.Layer);
            foreach (CatalogEntry entry in layer.Entries)
            {
                composer.AddEntry(layer.Layer, entry.Keywords, Encoding.UTF8.GetBytes(entry.Text));
            }
        }

        using MemorySink sink = new();
        composer.Compose(sink, filePath: null, CancellationToken.None);
        return sink.ToArray();
    }
}
