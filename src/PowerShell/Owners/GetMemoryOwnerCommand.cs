using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Shows what the owners of blocks have in allocators.</summary>
[Cmdlet(VerbsCommon.Get, "MemoryOwner")]
[OutputType(typeof(MemoryOwner))]
public sealed class GetMemoryOwnerCommand : ChosenAllocatorCmdlet
{
    /// <summary>Numbers of owners; all of them when omitted.</summary>
    [Parameter(Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ValidateRange(1, int.MaxValue)]
    public int[]? Owner { get; set; }

    private protected override void Process(MemoryAllocatorSession session)
    {
        IEnumerable<OwnerUsage> usages = Owner is null
            ? session.Owners.GetAll().OrderBy(usage => usage.Owner.Value)
            : Owner.Select(owner => session.Owners.GetUsage(new OwnerId(owner)));
        foreach (OwnerUsage usage in usages)
        {
            WriteObject(new MemoryOwner(session, usage));
        }
    }
}
