namespace DimensionStore;

/// <summary>A file that was made, or kept.</summary>
/// <param name="Id">The dimension.</param>
/// <param name="Name">Its name.</param>
/// <param name="FilePath">The file.</param>
/// <param name="SizeBytes">Its length.</param>
/// <param name="EntryCount">Entries written; 0 for a file that was kept.</param>
/// <param name="WasKept">Whether an existing file was left as it is.</param>
public sealed record GeneratedFile(DimensionId Id, string Name, string FilePath, long SizeBytes, long EntryCount, bool WasKept);
