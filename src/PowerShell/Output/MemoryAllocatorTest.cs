using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>What the check of an allocator found.</summary>
public sealed class MemoryAllocatorTest
{
    internal MemoryAllocatorTest(string allocator, IntegrityReport report)
    {
        Allocator = allocator;
        IsIntact = report.IsIntact;
        BlocksChecked = report.BlocksChecked;
        Violations = report.Violations;
    }

    /// <summary>Name of the allocator.</summary>
    public string Allocator { get; }

    /// <summary>Whether no invariant is violated.</summary>
    public bool IsIntact { get; }

    /// <summary>How many blocks were looked at.</summary>
    public long BlocksChecked { get; }

    /// <summary>One sentence per violated invariant.</summary>
    public IReadOnlyList<string> Violations { get; }

    /// <inheritdoc/>
    public override string ToString() => IsIntact ? $"{Allocator}: intact" : $"{Allocator}: {string.Join(" ", Violations)}";
}
