using System.Globalization;
using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Gives blocks back to where they came from.</summary>
[Cmdlet(VerbsCommon.Remove, "MemoryBlock", SupportsShouldProcess = true, DefaultParameterSetName = BlockSet)]
[OutputType(typeof(void))]
public sealed class RemoveMemoryBlockCommand : BlockCmdlet
{
    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (MemoryBlock block in SelectBlocks())
        {
            if (!ShouldProcess(string.Create(CultureInfo.InvariantCulture, $"{block} ({block.UsableSize} bytes)"), "Free memory block"))
            {
                continue;
            }

            TryUse(block, MemoryFault.DoubleFree, () =>
            {
                block.Source.Blocks.Free((nint)block.BaseAddress);
                block.Source.EndLife(block.BaseAddress);
            });
        }
    }
}
