namespace DimensionStore.Memory;

/// <summary>Where an object of a <see cref="DualPoolAllocator"/> lies, as a number that fits a table: it stays the same as long as the object lives.</summary>
/// <param name="Pool">The pool.</param>
/// <param name="Index">Number of the object in its pool; of a run of big blocks, that of its first. Small indices that are multiples of 512 do not occur.</param>
public readonly record struct DualPoolSlot(DualPool Pool, int Index);
