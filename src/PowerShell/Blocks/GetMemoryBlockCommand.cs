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
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(OwnerCompleter))]
    public int[]? Owner { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        BlockSource source = RequireSource();
        HashSet<long>? wanted = Address is null ? null : [.. Address];
        IEnumerator<BlockInfo>? blocks = null;
        if (!Try(source, () => blocks = source.Blocks.EnumerateBlocks().GetEnumerator()))
        {
            return;
        }

        using IEnumerator<BlockInfo> live = blocks!;
        while (true)
        {
            // Whoever takes the blocks may remove their allocator before the next one is asked for.
            bool hasNext = false;
            if (!Try(source, () => hasNext = live.MoveNext()))
            {
                return;
            }

            if (!hasNext)
            {
                break;
            }

            StopToken.ThrowIfCancellationRequested();
            BlockInfo block = live.Current;
            if ((wanted is null || wanted.Remove(block.Address)) && (Owner is null || Owner.Contains(block.Owner.Value)))
            {
                WriteObject(new MemoryBlock(block.Address, block.RequestedBytes, block.UsableBytes, block.Owner.Value, source, block.Age is { } age ? DateTimeOffset.UtcNow - age : null, source.LifeAt(block.Address)));
            }
        }

        foreach (long missing in wanted ?? [])
        {
            WriteError(Errors.BlockNotFound(missing));
        }
    }
}
