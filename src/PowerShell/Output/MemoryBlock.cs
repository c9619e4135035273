using System.Globalization;

namespace DimensionStore.PowerShell;

/// <summary>A block of memory outside the managed heap, from a store's pool.</summary>
public sealed class MemoryBlock
{
    internal MemoryBlock(long address, long size, long usableSize, int owner, DimensionStoreSession store)
    {
        BaseAddress = address;
        Size = size;
        UsableSize = usableSize;
        Owner = owner;
        Store = store;
    }

    /// <summary>Address of its first byte. Not called Address: PowerShell takes <c>$blocks.Address</c> for a method of the array.</summary>
    public long BaseAddress { get; }

    /// <summary>Bytes asked for; for a listed block the usable ones, since the pool does not record requests.</summary>
    public long Size { get; }

    /// <summary>Bytes that may be used.</summary>
    public long UsableSize { get; }

    /// <summary>Tag it was allocated with; 0 for none.</summary>
    public int Owner { get; }

    /// <summary>Whether it is still in use.</summary>
    public bool IsLive => Store.IsOpen && Store.Pool.Owns((nint)BaseAddress);

    /// <summary>The store it belongs to.</summary>
    public DimensionStoreSession Store { get; }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{BaseAddress:x}");
}
