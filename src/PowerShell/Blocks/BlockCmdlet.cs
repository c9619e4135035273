using System.Management.Automation;

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
                if (block.Source.IsOpen)
                {
                    yield return block;
                }
                else
                {
                    WriteError(Errors.SourceClosed(block.Source));
                }
            }

            yield break;
        }

        BlockSource source = RequireSource();
        foreach (long address in Address)
        {
            if (source.Blocks.Owns((nint)address))
            {
                long usable = (long)source.Blocks.UsableSize((nint)address);
                yield return new MemoryBlock(address, usable, usable, 0, source);
            }
            else
            {
                WriteError(Errors.BlockNotFound(address));
            }
        }
    }

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
