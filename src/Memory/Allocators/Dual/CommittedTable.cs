using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>A table outside the GC heap that is committed from its start as far as it is needed, and never given back before its allocator. Fresh entries are zero.</summary>
internal sealed class CommittedTable(nint start, long capacityBytes)
{
    private const long StepBytes = 16 << 10;

    /// <summary>First entry.</summary>
    internal nint Start { get; } = start;

    /// <summary>Bytes committed.</summary>
    internal long CommittedBytes { get; private set; }

    /// <summary>Address space for a table: whole pages.</summary>
    internal static long ReservedBytes(long bytes) => (bytes + VirtualMemory.PageSize - 1) / VirtualMemory.PageSize * VirtualMemory.PageSize;

    /// <summary>Commits the table up to <paramref name="bytes"/>.</summary>
    /// <exception cref="VirtualMemoryException">The system refused; nothing has changed.</exception>
    internal void Ensure(long bytes)
    {
        if (bytes <= CommittedBytes)
        {
            return;
        }

        long end = ReservedBytes(Math.Min(capacityBytes, Math.Max(bytes, CommittedBytes + StepBytes)));
        VirtualMemory.Commit(Start + (nint)CommittedBytes, (nuint)(end - CommittedBytes));
        CommittedBytes = end;
    }
}
