namespace DimensionStore.Memory;

/// <summary>
/// Base of what is put around an allocator: a quota, a diagnosis, a measurement. A layer is an allocator itself, so layers stack; one that is not composed does not exist and
/// costs nothing. Every member passes through to <see cref="Inner"/> until a layer overrides it, but for
/// <see cref="MemoryAllocator.Reallocate"/>, which is made of the others, so that a layer sees what it does.
/// </summary>
/// <remarks>
/// A layer owns what is below it: disposing it disposes <see cref="Inner"/>. Flags in every allocator were rejected: they would cost a branch on each hot path
/// also where nobody asked for them, and each allocator would implement them anew.
/// <para>
/// What frees blocks of its own accord (<see cref="SegregatedAllocator"/>, whose collections do, and <see cref="OwnerQuotaLayer.FreeOwner"/>) frees them through the layers around it, the outermost first,
/// as a caller would: so the layers of the toolkit know what is gone. A layer is therefore put around such an allocator before that is used, and a second one around the first, not beside it.
/// </para>
/// </remarks>
public abstract class AllocatorLayer : MemoryAllocator
{
    /// <summary>Puts the layer around an allocator. Where the constructor of a derived class fails after this, it calls <see cref="Withdraw"/>.</summary>
    /// <exception cref="InvalidOperationException">The allocator frees blocks of its own accord and has a layer around it already.</exception>
    protected AllocatorLayer(MemoryAllocator inner)
    {
        ArgumentNullException.ThrowIfNull(inner);
        if (inner.CollectsByItself && inner.Layer is { } first)
        {
            // Telling both was rejected: a block is free beneath once the first layer that is told lets it through, so all of them would have to say first whose it is, and to keep their word while threads take and free.
            throw new InvalidOperationException($"{inner.Name} frees blocks of its own accord, through the layers around it, and has a {first.GetType().Name} already: beside that, a {GetType().Name} would not learn what is gone. Put it around the {first.GetType().Name}.");
        }

        Inner = inner;
        inner.Layer = this;
    }

    /// <summary>Takes the layer off the allocator again, as if it had never been put there: for a constructor that fails.</summary>
    protected void Withdraw()
    {
        if (ReferenceEquals(Inner.Layer, this))
        {
            Inner.Layer = null;
        }
    }

    /// <summary>The allocator beneath.</summary>
    public MemoryAllocator Inner { get; }

    /// <inheritdoc/>
    public override string Name => Inner.Name;

    /// <inheritdoc/>
    public override bool IsThreadSafe => Inner.IsThreadSafe;

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default) =>
        Inner.Allocate(size, alignment, options, owner);

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default) =>
        Inner.TryAllocate(size, out address, alignment, options, owner);

    /// <inheritdoc/>
    public override void Free(nint address) => Inner.Free(address);

    /// <inheritdoc/>
    public override void FreeSized(nint address, nuint size) => Inner.FreeSized(address, size);

    /// <inheritdoc/>
    public override nuint UsableSize(nint address) => Inner.UsableSize(address);

    /// <inheritdoc/>
    public override bool Owns(nint address) => Inner.Owns(address);

    /// <inheritdoc/>
    public override void Reset() => Inner.Reset();

    /// <inheritdoc/>
    public override long Trim() => Inner.Trim();

    /// <inheritdoc/>
    public override AllocatorStatistics GetStatistics() => Inner.GetStatistics();

    /// <inheritdoc/>
    public override IEnumerable<BlockInfo> EnumerateBlocks() => Inner.EnumerateBlocks();

    /// <inheritdoc/>
    public override IEnumerable<MemoryExtent> EnumerateExtents() => Inner.EnumerateExtents();

    /// <inheritdoc/>
    public override IReadOnlyList<AllocatorGroup> GetGroups() => Inner.GetGroups();

    /// <inheritdoc/>
    public override IntegrityReport CheckIntegrity() => Inner.CheckIntegrity();

    /// <inheritdoc/>
    protected internal override void NoteSize(nint address, nuint size) => Inner.NoteSize(address, size);

    internal override bool CollectsByItself => Inner.CollectsByItself;

    internal override OwnerLedger? Ledger => Inner.Ledger;

    internal override bool TryFindOwner(nint address, out OwnerId owner) => Inner.TryFindOwner(address, out owner);

    internal override nint AddressAbove(nint core, MemoryAllocator collector) => ReferenceEquals(collector, this) ? core : Inner.AddressAbove(core, collector);

    internal override long FreeCollected(nint core, OwnerId owner, MemoryAllocator collector) => Inner.FreeCollected(core, owner, collector);

    internal override void AddBlocksBeside(OwnerId owner, List<nint> found, MemoryAllocator collector) => Inner.AddBlocksBeside(owner, found, collector);

    internal override void EndCollection() => Inner.EndCollection();

    /// <summary>Is told of each collection of the allocator at the bottom, whoever started it, after the fact and with no lock held.</summary>
    internal virtual void NoteCollected(in CollectionResult result)
    {
    }

    /// <inheritdoc/>
    protected internal override bool TryChargeBeside(long bytes) => Inner.TryChargeBeside(bytes);

    /// <inheritdoc/>
    protected internal override void RefundBeside(long bytes) => Inner.RefundBeside(bytes);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Inner.Dispose();
        }
    }
}
