namespace DimensionStore.Memory;

/// <summary>One fault that a check found, with what is known about the block concerned.</summary>
public sealed record MemoryFaultRecord
{
    /// <summary>Name of the allocator.</summary>
    public required string Allocator { get; init; }

    /// <summary>Kind of misuse.</summary>
    public required MemoryFault Fault { get; init; }

    /// <summary>Address of the block, or the address that was given.</summary>
    public required nint Address { get; init; }

    /// <summary>Bytes asked for, 0 where there is no block.</summary>
    public long SizeBytes { get; init; }

    /// <summary>Owner of the block.</summary>
    public OwnerId Owner { get; init; }

    /// <summary>Where the block was allocated, as far as that was recorded.</summary>
    public AllocationSite Site { get; init; }

    /// <summary>When the block was allocated, or null where no time was recorded.</summary>
    public DateTimeOffset? AllocatedAt { get; init; }

    /// <summary>The stack of the allocation, or null where none was captured.</summary>
    public string? Stack { get; init; }

    /// <summary>What exactly was found, and what to do.</summary>
    public required string Detail { get; init; }

    /// <inheritdoc/>
    public override string ToString() =>
        $"{Allocator}: {Fault} at 0x{Address:x} (size {SizeBytes:N0} bytes, owner {Owner}{(Site.IsKnown ? $", allocated at {Site}" : "")}{(AllocatedAt is { } time ? $", {time:u}" : "")}): {Detail}";

    /// <summary>The error for a call that met the fault.</summary>
    public MemoryFaultException ToException() => new(Allocator, Fault, Address, SizeBytes, Owner, Site.IsKnown ? $"{Detail} Allocated at {Site}." : Detail, Site, Stack);
}
