namespace DimensionStore;

/// <summary>Builds dimension files from WordNet 3.0's database files (<c>data.noun</c>, <c>data.verb</c>, <c>data.adj</c>, <c>data.adv</c>; wndb(5WN)).</summary>
public static class WordNetImporter
{
    /// <summary>Where Debian's <c>wordnet-base</c> puts the files.</summary>
    public const string DefaultDirectory = "/usr/share/wordnet";

    /// <summary>Whether a directory holds the four files.</summary>
    public static bool IsInstalled(string directory = DefaultDirectory) => throw new NotImplementedException();

    /// <summary>Imports the whole database.</summary>
    /// <param name="sourceDirectory">Holds the four files.</param>
    /// <param name="directory">Gets the dimension files; made if it is not there.</param>
    /// <param name="overwrite">Replace existing files, except immutable ones, which stop the import before anything is written.</param>
    /// <param name="progress">Told now and then, at most five times a second.</param>
    /// <param name="cancellationToken">Stops soon; no half file is left.</param>
    public static WordNetImportResult Import(string sourceDirectory, string directory, bool overwrite = false, IProgress<WordNetImportProgress>? progress = null, CancellationToken cancellationToken = default) => throw new NotImplementedException();
}
