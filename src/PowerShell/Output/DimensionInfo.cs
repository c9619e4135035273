namespace DimensionStore.PowerShell;

/// <summary>A dimension of an open store.</summary>
public sealed class DimensionInfo
{
    internal DimensionInfo(DimensionStatus status, DimensionStoreSession store)
    {
        Status = status;
        Store = store;
    }

    /// <summary>The dimension.</summary>
    public DimensionId Id => Status.Id;

    /// <summary>Its name, or null when its file is broken.</summary>
    public string? Name => Status.Name;

    /// <summary>Loaded, simulated, …</summary>
    public DimensionState State => Status.State;

    /// <summary>Bytes in memory, or of the file when it is not loaded.</summary>
    public long Length => Status.SizeBytes;

    /// <summary>How many layers it has, or null where that is not known.</summary>
    public int? LayerCount => Status.Descriptor?.Layers.Count;

    /// <summary>Whether it is never unloaded, evicted or overwritten.</summary>
    public bool IsImmutable => Status.Id.IsImmutable;

    /// <summary>Its file, or null.</summary>
    public string? FilePath => Status.FilePath;

    /// <summary>Why it failed, or null.</summary>
    public Exception? Error => Status.Error;

    /// <summary>The library's own object.</summary>
    public DimensionStatus Status { get; }

    /// <summary>The store it belongs to.</summary>
    public DimensionStoreSession Store { get; }

    /// <inheritdoc/>
    public override string ToString() => Id.ToString();
}
