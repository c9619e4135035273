namespace DimensionStore.Memory;

/// <summary>What a check on demand found.</summary>
/// <param name="BlocksChecked">How many blocks were looked at.</param>
/// <param name="Faults">Every fault; empty when all is well.</param>
public sealed record DiagnosticReport(long BlocksChecked, IReadOnlyList<MemoryFaultRecord> Faults)
{
    /// <summary>True when nothing was found.</summary>
    public bool IsClean => Faults.Count == 0;
}
