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
    [ArgumentCompleter(typeof(OwnerCompleter))]
    public int[]? Owner { get; set; }

    private protected override void Process(MemoryAllocatorSession session)
    {
        foreach (OwnerId owner in Owner?.Select(number => new OwnerId(number)) ?? session.Owners.GetAll().Select(usage => usage.Owner).OrderBy(owner => owner.Value))
        {
            if (session.Owners.Knows(owner))
            {
                WriteObject(new MemoryOwner(session, session.Owners.GetUsage(owner)));
            }
            else
            {
                WriteError(Errors.From(new UnknownOwnerException(session.Name, owner), owner, session));
            }
        }
    }
}
