using System.Management.Automation;
using System.Text;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Reads bytes of blocks.</summary>
[Cmdlet(VerbsCommon.Get, "MemoryBlockContent", DefaultParameterSetName = BlockSet)]
[OutputType(typeof(byte[]), typeof(string))]
public sealed class GetMemoryBlockContentCommand : BlockCmdlet
{
    // A text has at most as many characters as its UTF-8 has bytes, and .NET makes none with more than some 2^30.
    private const int MaxTextBytes = 0x3FFF_FFDF;

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

            int limit = AsText ? MaxTextBytes : Array.MaxLength;
            if (count > limit)
            {
                WriteError(Errors.ContentTooLarge(block, count, limit));
                continue;
            }

            object content = "";
            bool read = TryAccess(block, () =>
            {
                ReadOnlySpan<byte> bytes = block.Source.Blocks.AsSpan((nint)block.BaseAddress, (nuint)Offset, (int)count);
                content = AsText ? Encoding.UTF8.GetString(bytes) : bytes.ToArray();
            });
            if (read)
            {
                WriteObject(content, enumerateCollection: false);
            }
        }
    }
}
