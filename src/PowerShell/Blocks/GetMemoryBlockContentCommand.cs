using System.Management.Automation;
using System.Text;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Reads bytes of blocks.</summary>
[Cmdlet(VerbsCommon.Get, "MemoryBlockContent", DefaultParameterSetName = BlockSet)]
[OutputType(typeof(byte[]), typeof(string))]
public sealed class GetMemoryBlockContentCommand : BlockCmdlet
{
    /// <summary>First byte to read, from the start of the block.</summary>
    [Parameter]
    [ValidateRange(0L, long.MaxValue)]
    public long Offset { get; set; }

    /// <summary>How many bytes to read; to the end of the block's size when omitted.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int? Count { get; set; }

    /// <summary>Write the bytes as UTF-8 text.</summary>
    [Parameter]
    public SwitchParameter AsText { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (MemoryBlock block in SelectBlocks())
        {
            long count = Count ?? Math.Max(0, block.Size - Offset);
            if (!TryRange(block, Offset, count))
            {
                continue;
            }

            byte[] content = [];
            bool read = TryUse(block, () => content = block.Source.Blocks.AsSpan((nint)block.BaseAddress, checked((int)(Offset + count)))[(int)Offset..].ToArray());
            if (read)
            {
                WriteObject(AsText ? Encoding.UTF8.GetString(content) : content, enumerateCollection: false);
            }
        }
    }
}
