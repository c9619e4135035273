namespace DimensionStore.PowerShell;

/// <summary>One entry as the pipeline gave it: bytes in hand, or a file to take them from.</summary>
/// <param name="Layer">Layer number, 0 to 3.</param>
/// <param name="Keywords">Its keywords; may be empty.</param>
/// <param name="Content">Its bytes, unless <paramref name="FilePath"/> is given.</param>
/// <param name="FilePath">The file that holds its bytes, or null.</param>
internal readonly record struct EntryInput(int Layer, IReadOnlyList<string> Keywords, ReadOnlyMemory<byte> Content, string? FilePath);
