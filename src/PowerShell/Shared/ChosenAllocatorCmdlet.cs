using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Base of the cmdlets that do one thing with each allocator they are given.</summary>
public abstract class ChosenAllocatorCmdlet : AllocatorCmdlet
{
    /// <summary>The allocators, or their names.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(AllocatorCompleter))]
    public PSObject[] Allocator { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (MemoryAllocatorSession session in SelectAllocators(Allocator))
        {
            StopToken.ThrowIfCancellationRequested();
            Process(session);
        }
    }

    /// <summary>Does the cmdlet's work on one allocator.</summary>
    private protected abstract void Process(MemoryAllocatorSession session);
}
