namespace DimensionStore.Memory;

/// <summary>A caller misused a block: freed it twice, freed what is not ours, wrote over its end. The allocator's state is unchanged.</summary>
public sealed class MemoryFaultException : MemoryToolkitException
{
    /// <summary>Creates the error.</summary>
    public MemoryFaultException(string allocator, MemoryFault fault, nint address, long sizeBytes, OwnerId owner, string detail, AllocationSite site = default, string? stack = null)
        : base($"{allocator}: {fault} at 0x{address:x} (size {sizeBytes:N0} bytes, owner {owner}): {detail}")
    {
        Allocator = allocator;
        Fault = fault;
        Address = address;
        SizeBytes = sizeBytes;
        Owner = owner;
        Site = site;
        AllocationStack = stack;
    }

    /// <summary>Name of the allocator.</summary>
    public string Allocator { get; }

    /// <summary>Kind of misuse.</summary>
    public MemoryFault Fault { get; }

    /// <summary>The address that was given.</summary>
    public nint Address { get; }

    /// <summary>Size of the block concerned, 0 where there is none.</summary>
    public long SizeBytes { get; }

    /// <summary>Owner of the block concerned.</summary>
    public OwnerId Owner { get; }

    /// <summary>Where the block was allocated, as far as that was recorded.</summary>
    public AllocationSite Site { get; }

    /// <summary>The stack of the allocation, or null where none was captured.</summary>
    public string? AllocationStack { get; }
}
