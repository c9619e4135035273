namespace DimensionStore;

/// <summary>Where one core dimension belongs.</summary>
/// <param name="Id">The dimension.</param>
/// <param name="Name">Its name.</param>
/// <param name="Address">Logical address, from 0.</param>
/// <param name="SizeBytes">The most its file may have.</param>
/// <param name="IsImmutable">Whether it is sealed and never replaced.</param>
public sealed record LayoutSlot(DimensionId Id, string Name, long Address, long SizeBytes, bool IsImmutable);
