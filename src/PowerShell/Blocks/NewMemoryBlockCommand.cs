using System.Globalization;
using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Allocates blocks from an allocator, or from the pool of a store.</summary>
[Cmdlet(VerbsCommon.New, "MemoryBlock", SupportsShouldProcess = true)]
[OutputType(typeof(MemoryBlock))]
public sealed class NewMemoryBlockCommand : BlockSourceCmdlet
{
    /// <summary>Bytes of each block.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateRange(1L, long.MaxValue)]
    public long[] Size { get; set; } = [];

    /// <summary>How many blocks of each size.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Count { get; set; } = 1;

    /// <summary>Address that the block is to begin at a multiple of, in bytes: a power of two.</summary>
    [Parameter]
    [ValidateRange(1L, long.MaxValue)]
    public long Alignment { get; set; } = MemoryAllocator.DefaultAlignment;

    /// <summary>Tag for accounting; 0 for none.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ValidateRange(0, int.MaxValue)]
    [ArgumentCompleter(typeof(OwnerCompleter))]
    public int Owner { get; set; }

    /// <summary>Set every byte to zero; otherwise what was there before may be seen.</summary>
    [Parameter]
    public SwitchParameter Zeroed { get; set; }

    /// <summary>Fail rather than take more memory from the operating system.</summary>
    [Parameter]
    public SwitchParameter NoGrow { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        BlockSource source = RequireSource();
        AllocationOptions options = (Zeroed ? AllocationOptions.Zeroed : AllocationOptions.None) | (NoGrow ? AllocationOptions.NoGrow : AllocationOptions.None);
        foreach (long size in Size)
        {
            string what = string.Create(CultureInfo.InvariantCulture, $"{Count} x {size} bytes from {source.Describe()}");
            if (!ShouldProcess(what, "Allocate memory blocks"))
            {
                continue;
            }

            for (int i = 0; i < Count; i++)
            {
                MemoryBlock? block = null;
                if (!Try(size, () => block = Allocate(source, size, options), source))
                {
                    break;
                }

                WriteObject(block);
            }
        }

        TellFaults(source);
    }

    private MemoryBlock Allocate(BlockSource source, long size, AllocationOptions options)
    {
        // Where the script stands is what a report of the block can name; .NET's stack shows PowerShell's own works only.
        bool isScript = !string.IsNullOrEmpty(MyInvocation.ScriptName);
        using AllocationSiteScope site = isScript ? new(MyInvocation.ScriptName, MyInvocation.ScriptLineNumber) : new(MyInvocation.HistoryId > 0 ? "history" : "", (int)MyInvocation.HistoryId);

        // Together: a cmdlet in between would meet a block without a number, and one that freed it would leave the number to the next at its address.
        lock (source.BlockGate)
        {
            nint address = source.Blocks.Allocate((nuint)size, (nuint)Alignment, options, owner: new OwnerId(Owner));
            return new MemoryBlock(address, size, (long)source.Blocks.UsableSize(address), Owner, source, DateTimeOffset.UtcNow, source.BeginLife(address));
        }
    }
}
