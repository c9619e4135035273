namespace DimensionStore.PowerShell;

/// <summary>What giving free memory back has brought. Sizes are bytes.</summary>
public sealed class MemoryRecovery
{
    internal MemoryRecovery(string allocator, long returnedBytes, long committedBytes)
    {
        Allocator = allocator;
        ReturnedBytes = returnedBytes;
        CommittedBytes = committedBytes;
    }

    /// <summary>Name of the allocator.</summary>
    public string Allocator { get; }

    /// <summary>Bytes given back to the operating system.</summary>
    public long ReturnedBytes { get; }

    /// <summary>Bytes still committed.</summary>
    public long CommittedBytes { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Allocator}: {ReturnedBytes} bytes given back";
}
