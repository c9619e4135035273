namespace DimensionStore.Tests.Files;

/// <summary>A directory of its own for one test, removed with everything in it.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public TemporaryDirectory() => FullPath = Directory.CreateTempSubdirectory("dimension-store-").FullName;

    public string FullPath { get; }

    /// <summary>Names of all files in it, those with a dot in front included.</summary>
    public string[] FileNames => [.. Directory.EnumerateFiles(FullPath).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    public string File(string name) => Path.Combine(FullPath, name);

    public void Dispose() => Directory.Delete(FullPath, recursive: true);
}
