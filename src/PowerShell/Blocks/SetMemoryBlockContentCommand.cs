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

            bool written = TryAccess(block, () => bytes.CopyTo(block.Source.Blocks.AsSpan((nint)block.BaseAddress, (nuint)Offset, bytes.Length)));
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
        object single and not IEnumerable when LanguagePrimitives.TryConvertTo(single, CultureInfo.InvariantCulture, out byte converted) => [converted],
        IEnumerable list when LanguagePrimitives.TryConvertTo(list, CultureInfo.InvariantCulture, out byte[] converted) => converted,
        object other => throw new ArgumentException($"-Value holds {Culprit(other)}; a text, or numbers from 0 to 255, are expected."),
    };

    /// <summary>What of a value is no byte, as a person would write it.</summary>
    private static string Culprit(object value)
    {
        object? culprit = value is IEnumerable items and not string ? items.Cast<object?>().FirstOrDefault(item => !LanguagePrimitives.TryConvertTo(item, CultureInfo.InvariantCulture, out byte _)) : value;
        string text = LanguagePrimitives.ConvertTo<string>(culprit) ?? "";
        const int Shown = 40;
        return text.Length == 0 ? "what is no byte" : $"'{(text.Length <= Shown ? text : text[..Shown] + "…")}', which is no byte";
    }
}
