using System.Globalization;

namespace DimensionStore.PowerShell;

/// <summary>A block of memory outside the managed heap, from an allocator or a store's pool.</summary>
public sealed class MemoryBlock
{
    internal MemoryBlock(long address, long size, long usableSize, int owner, BlockSource source, DateTimeOffset? allocatedAt, long life)
    {
        BaseAddress = address;
        Life = life;
        Size = size;
        UsableSize = usableSize;
        Owner = owner;
        Source = source;
        AllocatedAt = allocatedAt;
    }

    /// <summary>Address of its first byte. Not called Address: PowerShell takes <c>$blocks.Address</c> for a method of the array.</summary>
    public long BaseAddress { get; }

    /// <summary>Bytes asked for; for a listed block as the allocator knows them, which may be rounded up, at most to the usable ones.</summary>
    public long Size { get; }

    /// <summary>Bytes that may be used.</summary>
    public long UsableSize { get; }

    /// <summary>Tag it was allocated with; 0 for none.</summary>
    public int Owner { get; }

    /// <summary>When it was allocated; null for a listed block where the allocator keeps no clock.</summary>
    public DateTimeOffset? AllocatedAt { get; }

    /// <summary>Time since then.</summary>
    public TimeSpan? Age => DateTimeOffset.UtcNow - AllocatedAt;

    /// <summary>Whether it is still in use.</summary>
    public bool IsLive => Source.IsOpen && !IsStale && Source.Blocks.Owns((nint)BaseAddress);

    /// <summary>The store whose pool it belongs to; null when it is an allocator's.</summary>
    public DimensionStoreSession? Store => Source as DimensionStoreSession;

    /// <summary>The allocator it belongs to; null when it is a store's.</summary>
    public MemoryAllocatorSession? Allocator => Source as MemoryAllocatorSession;

    /// <summary>Whichever of the two it is.</summary>
    internal BlockSource Source { get; }

    /// <summary>Its number, by which <see cref="BlockSource.LifeAt"/> knows it from blocks that have its address later.</summary>
    internal long Life { get; }

    /// <summary>Whether it was removed, so that what is at its address now is another block.</summary>
    internal bool IsStale => Source.LifeAt(BaseAddress) != Life;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{BaseAddress:x}");
}
