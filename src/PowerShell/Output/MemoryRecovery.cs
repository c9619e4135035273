namespace DimensionStore.PowerShell;

/// <summary>What giving free memory back has brought. Sizes are bytes.</summary>
public sealed class MemoryRecovery
{
    internal MemoryRecovery(string allocator, long recoveredBytes, long returnedBytes, long committedBytes)
    {
        Allocator = allocator;
        RecoveredBytes = recoveredBytes;
        ReturnedBytes = returnedBytes;
        CommittedBytes = committedBytes;
    }

    /// <summary>Name of the allocator.</summary>
    public string Allocator { get; }

    /// <summary>Bytes of free memory that moving blocks has brought together; 0 without -Defragment.</summary>
    public long RecoveredBytes { get; }

    /// <summary>Bytes given back to the operating system.</summary>
    public long ReturnedBytes { get; }

    /// <summary>Bytes still committed.</summary>
    public long CommittedBytes { get; }

    /// <inheritdoc/>
    public override string ToString() => $"{Allocator}: {ReturnedBytes} bytes given back";
}
