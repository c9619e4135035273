using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Base of the cmdlets about blocks: those of an allocator, when one is given, else of a store's pool.</summary>
public abstract class BlockSourceCmdlet : StoreCmdlet
{
    // Also whole from the pipeline, since nothing else that comes that way can be taken for a store here.

    /// <inheritdoc/>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public override DimensionStoreSession? Store { get; set; }

    // The alias takes allocators from the pipeline, by their names: as an object, this parameter would take the blocks that other parameters are there for.

    /// <summary>The allocator the blocks belong to, or its name; without it the pool of a store is meant.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [AllowNull]
    [ArgumentCompleter(typeof(AllocatorCompleter))]
    public PSObject? Allocator { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        // Bound here is only what was written on the command line.
        if (Allocator is null && MyInvocation.BoundParameters.ContainsKey(nameof(Allocator)))
        {
            ThrowTerminatingError(Errors.AllocatorNotGiven());
        }
    }

    /// <summary>Where blocks come from. Without an open one the command ends with an error that says how to get one.</summary>
    private protected BlockSource RequireSource()
    {
        if (Allocator is null)
        {
            // Null is let in for the blocks of stores, which come with their store; without one it must not become the default store.
            if (MyInvocation.BoundParameters.ContainsKey(nameof(Allocator)) && Store is null)
            {
                ThrowTerminatingError(Errors.AllocatorNotGiven());
            }

            return RequireStore();
        }

        PSObject[] named = [.. AllocatorReference.Items(Allocator)];
        if (named.Length != 1)
        {
            ThrowTerminatingError(Errors.OneAllocatorExpected(named.Length));
        }

        object meant = AllocatorReference.Resolve(named[0]);
        if (meant is MemoryAllocatorSession { IsOpen: false } closed)
        {
            ThrowTerminatingError(Errors.AllocatorClosed(closed));
        }

        string name = meant.ToString() ?? "";
        BlockSource? source = meant as MemoryAllocatorSession ?? OpenAllocators.Find(name) ?? (BlockSource?)ShownAllocators.FindPool(name);
        if (source is null)
        {
            ThrowTerminatingError(Errors.AllocatorNotFound(name));
        }

        return source!;
    }
}
