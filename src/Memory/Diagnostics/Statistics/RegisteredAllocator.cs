namespace DimensionStore.Memory;

/// <summary>An allocator and the name that <see cref="AllocatorRegistry"/> shows it under.</summary>
/// <param name="Name">Unique in the process while the allocator lives.</param>
/// <param name="Allocator">The allocator. It may be disposed; then it answers <see cref="MemoryAllocator.GetStatistics"/> and nothing else.</param>
public readonly record struct RegisteredAllocator(string Name, MemoryAllocator Allocator);
