using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Base of the cmdlets about the owners of blocks in one allocator.</summary>
public abstract class MemoryOwnerCmdlet : AllocatorCmdlet
{
    /// <summary>The allocator, or its name.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [ValidateNotNull]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(AllocatorCompleter))]
    public PSObject Allocator { get; set; } = null!;

    /// <summary>Numbers of owners, as blocks are allocated with; 1 or more.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(OwnerCompleter))]
    public int[] Owner { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (MemoryAllocatorSession session in SelectAllocators([Allocator]))
        {
            foreach (int owner in Owner)
            {
                Process(session, new OwnerId(owner));
            }

            TellFaults(session);
        }
    }

    /// <summary>Whether the allocator has such an owner; an error when not.</summary>
    private protected bool Knows(MemoryAllocatorSession session, OwnerId owner)
    {
        bool knows = session.Owners.Knows(owner);
        if (!knows)
        {
            WriteError(Errors.From(new UnknownOwnerException(session.Name, owner), owner, session));
        }

        return knows;
    }

    /// <summary>Does the cmdlet's work on one owner.</summary>
    private protected abstract void Process(MemoryAllocatorSession session, OwnerId owner);
}
