using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Base of the cmdlets that work on blocks: given as objects, or by address.</summary>
public abstract class BlockCmdlet : BlockSourceCmdlet
{
    private protected const string BlockSet = "Block";
    private protected const string AddressSet = "Address";

    /// <summary>The blocks, as New-MemoryBlock and Get-MemoryBlock give them.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = BlockSet)]
    [ValidateNotNullOrEmpty]
    public MemoryBlock[] Block { get; set; } = [];

    /// <summary>Addresses of the first byte of blocks in use.</summary>
    [Parameter(Mandatory = true, ParameterSetName = AddressSet)]
    [ValidateNotNullOrEmpty]
    public long[] Address { get; set; } = [];

    /// <summary>The blocks meant. An address at which none begins is an error; whether a given block is still in use, its allocator will say.</summary>
    private protected IEnumerable<MemoryBlock> SelectBlocks()
    {
        if (ParameterSetName == BlockSet)
        {
            foreach (MemoryBlock block in Block)
            {
                if (!block.Source.IsOpen)
                {
                    WriteError(Errors.SourceClosed(block.Source));
                }
                else if (block.Source.HoldsBlocksOf(new OwnerId(block.Owner)))
                {
                    WriteError(Errors.BlockOfStore(block.BaseAddress));
                }
                else
                {
                    yield return block;
                }
            }

            yield break;
        }

        BlockSource source = RequireSource();
        foreach (long address in Address)
        {
            if (!source.Blocks.Owns((nint)address))
            {
                WriteError(Errors.BlockNotFound(address));
            }
            else if (IsHeldBySource(source, address))
            {
                WriteError(Errors.BlockOfStore(address));
            }
            else
            {
                long usable = (long)source.Blocks.UsableSize((nint)address);
                yield return new MemoryBlock(address, usable, usable, 0, source);
            }
        }
    }

    // An address tells nothing of its owner, so the blocks are gone through; only a store's, and only for addresses given by hand.
    private static bool IsHeldBySource(BlockSource source, long address)
        => source is DimensionStoreSession && source.Blocks.EnumerateBlocks().Any(block => block.Address == address && source.HoldsBlocksOf(block.Owner));

    /// <summary>Checks that a range lies in a block that is still in use, or writes an error.</summary>
    private protected bool TryRange(MemoryBlock block, long offset, long count)
    {
        if (offset <= block.UsableSize && count <= block.UsableSize - offset)
        {
            return true;
        }

        WriteError(Errors.BlockOutOfBounds(block, offset, count));
        return false;
    }
}
