using System.Collections.ObjectModel;
using System.Text;

namespace DimensionStore;

/// <summary>
/// The reference knowledge of <c>data/dimensions.json</c>: what simulation answers from and <c>generate</c> makes files of.
/// Immutable and thread-safe. The form of the data is described in <c>data/README.md</c>.
/// </summary>
public sealed class DimensionCatalog
{
    private const string ResourceName = "DimensionStore.dimensions.json";

    /// <summary>How many layers each dimension of <see cref="Default"/> has: what a store can say of them without reading it.</summary>
    internal const int DefaultLayers = 4;

    // A catalog is written by hand; what is larger is another file given by mistake.
    private const long MaxFileBytes = 64L << 20;

    private static readonly Lazy<DimensionCatalog> s_default = new(LoadDefault);

    private DimensionCatalog(IReadOnlyList<CatalogDimension> dimensions) => Dimensions = dimensions;

    /// <summary>The catalog that ships with the library. Read at first use, which costs about a millisecond, and kept.</summary>
    public static DimensionCatalog Default => s_default.Value;

    /// <summary>Its dimensions, ascending.</summary>
    public IReadOnlyList<CatalogDimension> Dimensions { get; }

    /// <summary>Reads a catalog.</summary>
    /// <exception cref="InvalidCatalogException">It is not JSON of the described form; names file, JSON path, line and what was expected.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static DimensionCatalog Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        PathChecks.RequireFile(path, "a catalog in the form of data/dimensions.json");
        long length = new FileInfo(path).Length;
        return length > MaxFileBytes
            ? throw new InvalidCatalogException(path, $"the file has {length} bytes, a catalog at most {MaxFileBytes}.")
            : Parse(path, File.ReadAllBytes(path));
    }

    /// <summary>Reads a catalog from bytes.</summary>
    /// <param name="source">Named in errors.</param>
    /// <param name="json">UTF-8, with or without a byte order mark.</param>
    /// <exception cref="InvalidCatalogException">It is not JSON of the described form.</exception>
    public static DimensionCatalog Parse(string source, ReadOnlySpan<byte> json)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new DimensionCatalog(DimensionCatalogReader.Read(source, json));
    }

    /// <summary>The dimension of this number, or null when the catalog has none.</summary>
    public CatalogDimension? Find(DimensionId id)
    {
        foreach (CatalogDimension dimension in Dimensions)
        {
            if (dimension.Id == id)
            {
                return dimension;
            }
        }

        return null;
    }

    /// <summary>
    /// Writes the file of every dimension into a directory. The same catalog gives the same bytes.
    /// Each file appears whole or not at all; when one fails, those made before it stay.
    /// </summary>
    /// <param name="directory">Made if it is not there.</param>
    /// <param name="overwrite">Replace existing files, except immutable ones (D09, D14, and whatever is sealed), which are kept.</param>
    /// <param name="progress">Told after each file.</param>
    /// <param name="cancellationToken">Stops between files.</param>
    /// <exception cref="DimensionFileExistsException">A file is there and <paramref name="overwrite"/> is false. Nothing was written.</exception>
    /// <exception cref="Memory.LimitExceededException">A dimension of this catalog is larger than its place in the layout.</exception>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public IReadOnlyList<GeneratedFile> Generate(string directory, bool overwrite = false, IProgress<GeneratedFile>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        GeneratedFile?[] kept = new GeneratedFile?[Dimensions.Count];
        if (Directory.Exists(directory))
        {
            // All refusals come before the first byte: half of a set is worse than none.
            for (int i = 0; i < kept.Length; i++)
            {
                CatalogDimension dimension = Dimensions[i];
                string path = Path.Combine(directory, dimension.Id.FileName);
                DimensionStoreException? reason = AtomicFile.ReasonToKeep(FileOperations.Default, path, dimension.Id, overwrite);
                if (reason is not null && !overwrite)
                {
                    throw reason is ImmutableDimensionException ? new DimensionFileExistsException(path) : reason;
                }

                kept[i] = reason is null ? null : new GeneratedFile(dimension.Id, dimension.Name, path, new FileInfo(path).Length, 0, WasKept: true);
            }
        }

        return WriteFiles(directory, kept, overwrite, progress, cancellationToken);
    }

    /// <summary>
    /// Writes the files that a directory lacks. Those that are there are verified, whoever made them, and kept: running it twice changes nothing.
    /// </summary>
    /// <param name="directory">Made if it is not there.</param>
    /// <param name="progress">Told after each file.</param>
    /// <param name="cancellationToken">Stops between files.</param>
    /// <exception cref="DimensionFormatException">A file that is there is broken. Nothing was written.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public IReadOnlyList<GeneratedFile> GenerateMissing(string directory, IProgress<GeneratedFile>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        GeneratedFile?[] kept = new GeneratedFile?[Dimensions.Count];
        for (int i = 0; i < kept.Length; i++)
        {
            string path = Path.Combine(directory, Dimensions[i].Id.FileName);
            kept[i] = Path.Exists(path) ? Keep(Dimensions[i], path, cancellationToken) : null;
        }

        return WriteFiles(directory, kept, overwrite: false, progress, cancellationToken);
    }

    private static GeneratedFile Keep(CatalogDimension dimension, string path, CancellationToken cancellationToken)
    {
        VerificationResult result = DimensionFile.Verify(path, cancellationToken);
        return result.Error is { } error
            ? throw error
            : new GeneratedFile(dimension.Id, result.Descriptor?.Name ?? dimension.Name, path, result.BytesRead, 0, WasKept: true);
    }

    private ReadOnlyCollection<GeneratedFile> WriteFiles(string directory, GeneratedFile?[] kept, bool overwrite, IProgress<GeneratedFile>? progress, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        PathChecks.RefuseFileAsTarget(directory);
        Directory.CreateDirectory(directory);
        List<GeneratedFile> files = new(kept.Length);
        for (int i = 0; i < kept.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            GeneratedFile file = kept[i] ?? WriteFile(Dimensions[i], Path.Combine(directory, Dimensions[i].Id.FileName), overwrite, cancellationToken);
            files.Add(file);
            progress?.Report(file);
        }

        return files.AsReadOnly();
    }

    private static GeneratedFile WriteFile(CatalogDimension dimension, string path, bool overwrite, CancellationToken cancellationToken)
    {
        DimensionWriterOptions options = new()
        {
            Id = dimension.Id,
            Name = dimension.Name,
            Overwrite = overwrite,
            MaxTotalBytes = DimensionLayout.Default.MaxBytesOf(dimension.Id),
            Layers = dimension.Layers.ToDictionary(
                static l => l.Layer,
                static l => new LayerSettings { Depth = l.Depth, Frequency = l.Frequency, Keywords = l.Keywords }),
        };
        using DimensionFileWriter writer = new(path, options);
        foreach (CatalogLayer layer in dimension.Layers)
        {
            writer.AddLayer(layer.Layer);
            foreach (CatalogEntry entry in layer.Entries)
            {
                writer.AddEntry(layer.Layer, entry.Keywords, Encoding.UTF8.GetBytes(entry.Text));
            }
        }

        long entries = writer.EntryCount;
        writer.Complete(cancellationToken);
        return new GeneratedFile(dimension.Id, dimension.Name, path, new FileInfo(path).Length, entries, WasKept: false);
    }

    private static DimensionCatalog LoadDefault() => Parse("data/dimensions.json (built in)", EmbeddedData.Read(ResourceName));
}
