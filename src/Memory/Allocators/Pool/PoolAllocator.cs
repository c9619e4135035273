namespace DimensionStore.Memory;

/// <summary>Fixed-size block pools under one limit (the JESSY specification's <c>PoolAllocator</c>).</summary>
public sealed class PoolAllocator : MemoryAllocator
{
    /// <summary>Creates the pools. Nothing is committed until it is needed.</summary>
    /// <param name="pools">The pools, block sizes ascending and distinct.</param>
    /// <param name="limitBytes">The most all pools together may commit.</param>
    /// <param name="budget">A budget that committed memory is charged to, or null.</param>
    public PoolAllocator(IReadOnlyList<PoolConfig> pools, long limitBytes, MemoryBudget? budget = null) => throw new NotImplementedException();

    /// <inheritdoc/>
    public override string Name => throw new NotImplementedException();

    /// <inheritdoc/>
    public override bool IsThreadSafe => true;

    /// <summary>Bytes in live blocks and the limit, as the specification's <c>usage()</c> gives them.</summary>
    public (long UsedBytes, long LimitBytes) Usage => throw new NotImplementedException();

    /// <summary>Each pool's state, in the order of block sizes.</summary>
    public IReadOnlyList<PoolUsage> GetPools() => throw new NotImplementedException();

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default) => throw new NotImplementedException();

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default) => throw new NotImplementedException();

    /// <inheritdoc/>
    public override void Free(nint address) => throw new NotImplementedException();

    /// <inheritdoc/>
    public override void FreeSized(nint address, nuint size) => throw new NotImplementedException();

    /// <inheritdoc/>
    public override nuint UsableSize(nint address) => throw new NotImplementedException();

    /// <inheritdoc/>
    public override bool Owns(nint address) => throw new NotImplementedException();

    /// <inheritdoc/>
    public override void Reset() => throw new NotImplementedException();

    /// <inheritdoc/>
    public override long Trim() => throw new NotImplementedException();

    /// <inheritdoc/>
    public override AllocatorStatistics GetStatistics() => throw new NotImplementedException();

    /// <inheritdoc/>
    public override IEnumerable<BlockInfo> EnumerateBlocks() => throw new NotImplementedException();

    /// <inheritdoc/>
    public override IntegrityReport CheckIntegrity() => throw new NotImplementedException();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => throw new NotImplementedException();
}
