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

    private BlockSource? _named;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();

        // Bound here is only what was written on the command line; later each block brings its own along.
        _named = Allocator is not null ? RequireSource() : Store;
    }

    /// <summary>The blocks meant. An address at which none begins is an error; whether a given block is still in use, its allocator will say.</summary>
    private protected IEnumerable<MemoryBlock> SelectBlocks()
    {
        if (ParameterSetName == BlockSet)
        {
            foreach (MemoryBlock block in Block)
            {
                if (_named is not null && !ReferenceEquals(_named, block.Source))
                {
                    WriteError(Errors.BlockElsewhere(block, _named));
                }
                else if (!block.Source.IsOpen)
                {
                    WriteError(Errors.SourceClosed(block.Source));
                }
                else if (IsHeld(block))
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
            MemoryBlock? found = null;
            ErrorRecord? refusal = null;
            bool asked = Try(
                address,
                () =>
                {
                    lock (source.BlockGate)
                    {
                        refusal = !source.Blocks.Owns((nint)address) ? Errors.BlockNotFound(address) : source.HoldsBlockAt(address) ? Errors.BlockOfStore(address) : null;
                        if (refusal is null)
                        {
                            long usable = (long)source.Blocks.UsableSize((nint)address);
                            found = new MemoryBlock(address, usable, usable, 0, source, null, source.LifeAt(address));
                        }
                    }
                },
                source);
            if (refusal is not null)
            {
                WriteError(refusal);
            }
            else if (asked)
            {
                yield return found!;
            }
        }
    }

    /// <summary>Does something with a block, while no other cmdlet frees one, unless the store holds the block or another has its address now; that or another expected failure is written as an error.</summary>
    private protected bool TryUse(MemoryBlock block, MemoryFault ifStale, Action work)
    {
        bool isHeld = false;
        bool isStale = false;
        bool done = Try(block, () =>
        {
            lock (block.Source.BlockGate)
            {
                // Looked at again: since the block was selected somebody may have answered a question for a long time.
                isHeld = IsHeld(block);

                // Where nothing begins now, the allocator knows more of the block that did.
                isStale = !isHeld && block.IsStale && block.Source.Blocks.Owns((nint)block.BaseAddress);
                if (!isHeld && !isStale)
                {
                    work();
                }
            }
        });
        if (isHeld)
        {
            WriteError(Errors.BlockOfStore(block.BaseAddress));
        }
        else if (isStale)
        {
            WriteError(Errors.BlockIsStale(block, ifStale));
        }

        TellFaults(block.Source);
        return done && !isHeld && !isStale;
    }

    // The object says whose the block was when it was made. It may have been freed since and the store have taken its address, so whose it is now is asked, too.
    private static bool IsHeld(MemoryBlock block)
        => block.Source.HoldsBlocksOf(new OwnerId(block.Owner)) || block.Source.HoldsBlockAt(block.BaseAddress);

    /// <summary>Reads or writes bytes of a block, as <see cref="TryUse"/> does. The allocator takes any word about a free block for a second free, which this is not.</summary>
    private protected bool TryAccess(MemoryBlock block, Action work)
    {
        MemoryFaultException? isFree = null;
        bool done = TryUse(block, MemoryFault.UseAfterFree, () =>
        {
            try
            {
                work();
            }
            catch (MemoryFaultException e) when (e.Fault == MemoryFault.DoubleFree)
            {
                isFree = e;
            }
        });
        if (isFree is not null)
        {
            WriteError(Errors.BlockIsFree(isFree, block));
        }

        return done && isFree is null;
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
