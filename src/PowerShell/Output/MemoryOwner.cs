using System.Globalization;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>What an owner has in an allocator. Sizes are bytes.</summary>
public sealed class MemoryOwner
{
    private readonly OwnerUsage _usage;

    internal MemoryOwner(MemoryAllocatorSession allocator, OwnerUsage usage)
    {
        Allocator = allocator;
        _usage = usage;
    }

    /// <summary>The allocator.</summary>
    public MemoryAllocatorSession Allocator { get; }

    /// <summary>Number of the owner, as blocks are allocated with.</summary>
    public int Owner => _usage.Owner.Value;

    /// <summary>Bytes charged to it.</summary>
    public long UsedBytes => _usage.UsedBytes;

    /// <summary>Most bytes charged to it so far.</summary>
    public long PeakBytes => _usage.PeakBytes;

    /// <summary>The most it may have; null where it has no limit of its own.</summary>
    public long? LimitBytes => _usage.LimitBytes == long.MaxValue ? null : _usage.LimitBytes;

    /// <summary>Its blocks in use.</summary>
    public long LiveBlocks => _usage.LiveBlocks;

    /// <summary>Allocations so far.</summary>
    public long AllocationCount => _usage.AllocationCount;

    /// <summary>Frees so far.</summary>
    public long FreeCount => _usage.FreeCount;

    /// <summary>Requests that its limit refused.</summary>
    public long RefusedCount => _usage.RefusedCount;

    /// <summary>Whether it has ended, so that a collection may free its blocks.</summary>
    public bool HasEnded => _usage.HasEnded;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Allocator.Name} #{Owner}");
}
