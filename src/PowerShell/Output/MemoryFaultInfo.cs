using System.Globalization;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Misuse of a block, or a block that was still in use when its allocator was removed. Sizes are bytes.</summary>
public sealed class MemoryFaultInfo
{
    internal MemoryFaultInfo(string allocator, MemoryFaultRecord record)
    {
        Allocator = allocator;
        Record = record;
    }

    /// <summary>Name of the allocator.</summary>
    public string Allocator { get; }

    /// <summary>What happened.</summary>
    public MemoryFault Fault => Record.Fault;

    /// <summary>Address of the block's first byte. Not called Address, as with <see cref="MemoryBlock.BaseAddress"/>.</summary>
    public long BaseAddress => Record.Address;

    /// <summary>Bytes asked for.</summary>
    public long Size => Record.SizeBytes;

    /// <summary>Tag the block was allocated with; 0 for none.</summary>
    public int Owner => Record.Owner.Value;

    /// <summary>File and line of the script that allocated it, or "history" and the number of the command; null where that was not recorded.</summary>
    public string? Site => Record.Site.IsKnown ? Record.Site.ToString() : null;

    /// <summary>When it was allocated; null where no time was recorded.</summary>
    public DateTimeOffset? AllocatedAt => Record.AllocatedAt;

    /// <summary>The stack of the allocation; null where it was not captured, as <c>-StackEvery</c> asks.</summary>
    public string? Stack => Record.Stack;

    /// <summary>What exactly was found.</summary>
    public string Detail => Record.Detail;

    /// <summary>The library's own record.</summary>
    internal MemoryFaultRecord Record { get; }

    /// <inheritdoc/>
    public override string ToString()
    {
        string owner = Owner == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $", owner {Owner}");
        string place = Site is null ? "" : $", allocated at {Site}";
        string time = AllocatedAt is { } at ? string.Create(CultureInfo.InvariantCulture, $", {at:u}") : "";
        return string.Create(CultureInfo.InvariantCulture, $"{Allocator}: {Fault} at 0x{BaseAddress:x}, {Size} bytes{owner}{place}{time}: {Detail}");
    }
}
