namespace DimensionStore.Memory;

/// <summary>A file is there already and overwriting was not asked for.</summary>
public sealed class MemoryMapFileExistsException(string filePath)
    : MemoryToolkitException($"{filePath} exists and is kept; ask for overwriting to replace it.")
{
    /// <summary>The file.</summary>
    public string FilePath { get; } = filePath;
}
