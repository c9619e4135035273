namespace DimensionStore;

/// <summary>The reference knowledge of <c>data/dimensions.json</c>: what simulation answers from and <c>generate</c> makes files of.</summary>
public sealed class DimensionCatalog
{
    private DimensionCatalog()
    {
    }

    /// <summary>The catalog that ships with the library.</summary>
    public static DimensionCatalog Default => throw new NotImplementedException();

    /// <summary>Its dimensions, ascending.</summary>
    public IReadOnlyList<CatalogDimension> Dimensions => throw new NotImplementedException();

    /// <summary>Reads a catalog.</summary>
    /// <exception cref="InvalidCatalogException">It is not JSON of the described form; names file, line and what was expected.</exception>
    public static DimensionCatalog Load(string path) => throw new NotImplementedException();

    /// <summary>Writes the file of every dimension into a directory.</summary>
    /// <param name="directory">Made if it is not there.</param>
    /// <param name="overwrite">Replace existing files, except immutable ones, which are kept.</param>
    /// <param name="progress">Told after each file.</param>
    /// <param name="cancellationToken">Stops between files.</param>
    public IReadOnlyList<GeneratedFile> Generate(string directory, bool overwrite = false, IProgress<GeneratedFile>? progress = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();
}
