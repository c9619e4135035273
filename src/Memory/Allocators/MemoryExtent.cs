namespace DimensionStore.Memory;

/// <summary>A committed range that an allocator cuts blocks from.</summary>
/// <param name="Address">First byte.</param>
/// <param name="Bytes">Length.</param>
/// <param name="Group">Name of the zone, size class or pool it belongs to, as in <see cref="AllocatorGroup.Name"/>; empty where there is only one.</param>
public readonly record struct MemoryExtent(nint Address, long Bytes, string Group);
