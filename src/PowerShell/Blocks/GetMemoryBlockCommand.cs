using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Lists the blocks of the pool that are in use.</summary>
[Cmdlet(VerbsCommon.Get, "MemoryBlock")]
[OutputType(typeof(MemoryBlock))]
public sealed class GetMemoryBlockCommand : StoreCmdlet
{
    /// <summary>Addresses of the first byte; all blocks when omitted.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("BaseAddress")]
    [ValidateNotNullOrEmpty]
    public long[]? Address { get; set; }

    /// <summary>Only blocks allocated with one of these tags.</summary>
    [Parameter]
    public int[]? Owner { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        DimensionStoreSession session = RequireStore();
        HashSet<long>? wanted = Address is null ? null : [.. Address];
        foreach (BlockInfo block in session.Pool.EnumerateBlocks())
        {
            StopToken.ThrowIfCancellationRequested();
            if ((wanted is null || wanted.Remove(block.Address)) && (Owner is null || Owner.Contains(block.Owner.Value)))
            {
                WriteObject(new MemoryBlock(block.Address, block.RequestedBytes, block.UsableBytes, block.Owner.Value, session));
            }
        }

        foreach (long missing in wanted ?? [])
        {
            WriteError(Errors.BlockNotFound(missing));
        }
    }
}
