namespace DimensionStore;

/// <summary>A dimension that may leave memory.</summary>
/// <param name="Id">The dimension.</param>
/// <param name="SizeBytes">What its leaving gives back.</param>
/// <param name="LastUse">When it was used last; larger is later, the unit is the caller's.</param>
/// <param name="UseCount">How often it was used.</param>
internal readonly record struct EvictionCandidate(int Id, long SizeBytes, long LastUse, long UseCount);
