using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>What the check of an allocator found.</summary>
public sealed class MemoryAllocatorTest
{
    internal MemoryAllocatorTest(string allocator, IntegrityReport report, IReadOnlyList<string> violations, IReadOnlyList<MemoryFaultInfo> findings)
    {
        Allocator = allocator;
        IsIntact = report.IsIntact && findings.Count == 0;
        BlocksChecked = report.BlocksChecked;
        Violations = violations;
        Findings = findings;
    }

    /// <summary>Name of the allocator.</summary>
    public string Allocator { get; }

    /// <summary>Whether no invariant is violated and no misuse was found since the allocator was made.</summary>
    public bool IsIntact { get; }

    /// <summary>How many blocks were looked at.</summary>
    public long BlocksChecked { get; }

    /// <summary>One sentence per violated invariant and per finding.</summary>
    public IReadOnlyList<string> Violations { get; }

    /// <summary>Misuse of blocks, each with address, size, owner and place: what was found since the allocator was made, and blocks that are damaged now.</summary>
    public IReadOnlyList<MemoryFaultInfo> Findings { get; }

    /// <inheritdoc/>
    public override string ToString() => IsIntact ? $"{Allocator}: intact" : $"{Allocator}: {string.Join(" ", Violations)}";
}
