using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Base of the cmdlets that do one thing with each allocator they are given.</summary>
public abstract class ChosenAllocatorCmdlet : AllocatorCmdlet
{
    // Not by property name: PowerShell would bind the property Allocator of a store's block, which is null. Properties are looked at where the objects are.

    /// <summary>The allocators, their names or patterns, or what belongs to them.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(AllocatorCompleter))]
    public PSObject[] Allocator { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (MemoryAllocatorSession session in SelectAllocators(Allocator))
        {
            StopToken.ThrowIfCancellationRequested();
            Process(session);
            TellFaults(session);
        }
    }

    /// <summary>Does the cmdlet's work on one allocator.</summary>
    private protected abstract void Process(MemoryAllocatorSession session);
}
