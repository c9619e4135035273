namespace DimensionStore.Memory;

/// <summary>One live block, as enumeration shows it.</summary>
/// <param name="Address">First byte of the block.</param>
/// <param name="RequestedBytes">Bytes asked for; equal to <paramref name="UsableBytes"/> where the allocator does not record requests.</param>
/// <param name="UsableBytes">Bytes that may be used.</param>
/// <param name="Owner">Owner tag given at allocation.</param>
/// <param name="Age">Time since allocation, or null where the allocator keeps no clock.</param>
public readonly record struct BlockInfo(nint Address, long RequestedBytes, long UsableBytes, OwnerId Owner, TimeSpan? Age);
