namespace DimensionStore;

/// <summary>What tells a replaced file from the one that was loaded: its length and when it was written. A rename over the old file changes the latter.</summary>
/// <param name="Length">Bytes.</param>
/// <param name="WrittenUtcTicks">Last write, in ticks.</param>
internal readonly record struct FileStamp(long Length, long WrittenUtcTicks)
{
    /// <summary>Reads a file's stamp.</summary>
    /// <exception cref="FileNotFoundException">There is no file of this name.</exception>
    /// <exception cref="IOException">It is a directory, or cannot be looked at.</exception>
    public static FileStamp Of(string path)
    {
        FileInfo file = new(path);
        try
        {
            return file.Exists ? new FileStamp(file.Length, file.LastWriteTimeUtc.Ticks)
                : Directory.Exists(path) ? throw new IOException($"{path} is a directory; a dimension file was expected.")
                : throw new FileNotFoundException($"{path} does not exist.", path);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException($"{path} cannot be read: {exception.Message}", exception);
        }
    }
}
