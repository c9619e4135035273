using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Lists the allocators made in this process.</summary>
[Cmdlet(VerbsCommon.Get, "MemoryAllocator")]
[OutputType(typeof(MemoryAllocatorSession))]
public sealed class GetMemoryAllocatorCommand : AllocatorCmdlet
{
    /// <summary>Names or patterns; all allocators when omitted.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(AllocatorCompleter))]
    public string[] Name { get; set; } = ["*"];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (MemoryAllocatorSession session in SelectAllocators(Name.Select(PSObject.AsPSObject)))
        {
            WriteObject(session);
        }
    }
}
