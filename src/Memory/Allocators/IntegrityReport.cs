namespace DimensionStore.Memory;

/// <summary>What an integrity check found: nothing, or every violated invariant by name.</summary>
/// <param name="BlocksChecked">How many blocks were looked at.</param>
/// <param name="Violations">One sentence per violated invariant; empty when all is well.</param>
public sealed record IntegrityReport(long BlocksChecked, IReadOnlyList<string> Violations)
{
    /// <summary>True when no invariant is violated.</summary>
    public bool IsIntact => Violations.Count == 0;
}
