namespace DimensionStore;

/// <summary>What a store knows of one dimension.</summary>
/// <param name="Id">The dimension.</param>
/// <param name="Name">Its name, or null when its file is broken.</param>
/// <param name="State">Loaded, simulated, …</param>
/// <param name="FilePath">Its file, or null.</param>
/// <param name="SizeBytes">Bytes in memory, or of the file when it is not loaded.</param>
/// <param name="Descriptor">Header and metadata where known.</param>
/// <param name="Error">Why it failed, or null.</param>
public sealed record DimensionStatus(DimensionId Id, string? Name, DimensionState State, string? FilePath, long SizeBytes, DimensionDescriptor? Descriptor, Exception? Error);
