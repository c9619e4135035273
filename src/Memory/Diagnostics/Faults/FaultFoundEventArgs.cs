namespace DimensionStore.Memory;

/// <summary>A fault that was found where no caller could be told by an exception.</summary>
public sealed class FaultFoundEventArgs(MemoryFaultRecord fault) : EventArgs
{
    /// <summary>The fault.</summary>
    public MemoryFaultRecord Fault { get; } = fault;
}
