using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Text;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Writes bytes into blocks.</summary>
[Cmdlet(VerbsCommon.Set, "MemoryBlockContent", SupportsShouldProcess = true, DefaultParameterSetName = BlockSet)]
[OutputType(typeof(MemoryBlock))]
public sealed class SetMemoryBlockContentCommand : BlockCmdlet
{
    /// <summary>What to write: a text (UTF-8), or bytes.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [AllowEmptyString]
    [AllowEmptyCollection]
    public PSObject Value { get; set; } = null!;

    /// <summary>Where to write it, from the start of the block.</summary>
    [Parameter]
    [ValidateRange(0L, long.MaxValue)]
    public long Offset { get; set; }

    /// <summary>Write the blocks.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        byte[] bytes = [];
        Demand(Value, () => bytes = ReadBytes());
        foreach (MemoryBlock block in SelectBlocks())
        {
            if (!TryRange(block, Offset, bytes.Length)
                || !ShouldProcess(string.Create(CultureInfo.InvariantCulture, $"{bytes.Length} bytes at offset {Offset} of {block}"), "Write memory block"))
            {
                continue;
            }

            bool written = TryUse(block, () => bytes.CopyTo(block.Source.Blocks.AsSpan((nint)block.BaseAddress, checked((int)(Offset + bytes.Length)))[(int)Offset..]));
            if (written && PassThru)
            {
                WriteObject(block);
            }
        }
    }

    private byte[] ReadBytes() => Value.BaseObject switch
    {
        string text => Encoding.UTF8.GetBytes(text),
        byte[] bytes => bytes,
        byte single => [single],
        IEnumerable list when LanguagePrimitives.TryConvertTo(list, CultureInfo.InvariantCulture, out byte[] converted) => converted,
        object other => throw new ArgumentException($"-Value is a {other.GetType().Name}; a text or bytes are expected."),
    };
}
