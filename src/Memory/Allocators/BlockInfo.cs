namespace DimensionStore.Memory;

/// <summary>One live block, as enumeration shows it.</summary>
/// <param name="Address">First byte of the block.</param>
/// <param name="RequestedBytes">
/// Bytes asked for, as the allocator knows them: never less, and at most <paramref name="UsableBytes"/>. Exact where a <see cref="DiagnosticLayer"/> records them; else rounded up to what a
/// few bits a block can tell (see "What was asked for" in README.md of the allocators), and equal to <paramref name="UsableBytes"/> where requests are not recorded.
/// </param>
/// <param name="UsableBytes">Bytes that may be used.</param>
/// <param name="Owner">Owner tag given at allocation.</param>
/// <param name="Age">Time since allocation, or null where the allocator keeps no clock.</param>
public readonly record struct BlockInfo(nint Address, long RequestedBytes, long UsableBytes, OwnerId Owner, TimeSpan? Age);
