using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Lists the blocks of an allocator or of a store's pool that are in use.</summary>
[Cmdlet(VerbsCommon.Get, "MemoryBlock")]
[OutputType(typeof(MemoryBlock))]
public sealed class GetMemoryBlockCommand : BlockSourceCmdlet
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
        BlockSource source = RequireSource();
        HashSet<long>? wanted = Address is null ? null : [.. Address];
        foreach (BlockInfo block in source.Blocks.EnumerateBlocks())
        {
            StopToken.ThrowIfCancellationRequested();
            if ((wanted is null || wanted.Remove(block.Address)) && (Owner is null || Owner.Contains(block.Owner.Value)))
            {
                WriteObject(new MemoryBlock(block.Address, block.RequestedBytes, block.UsableBytes, block.Owner.Value, source));
            }
        }

        foreach (long missing in wanted ?? [])
        {
            WriteError(Errors.BlockNotFound(missing));
        }
    }
}
