using System.Globalization;
using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Frees every block of owners in an allocator.</summary>
[Cmdlet(VerbsCommon.Clear, "MemoryOwner", SupportsShouldProcess = true)]
[OutputType(typeof(MemoryOwner))]
public sealed class ClearMemoryOwnerCommand : MemoryOwnerCmdlet
{
    /// <summary>Write the owners.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void Process(MemoryAllocatorSession session, OwnerId owner)
    {
        if (!Knows(session, owner))
        {
            return;
        }

        OwnerUsage usage = session.Owners.GetUsage(owner);
        string what = string.Create(CultureInfo.InvariantCulture, $"{session.Name} {owner} ({usage.LiveBlocks} blocks, {usage.UsedBytes} bytes)");
        if (ShouldProcess(what, "Free every block of memory owner") && Try(owner, () => session.FreeOwner(owner), session) && PassThru)
        {
            WriteObject(new MemoryOwner(session, session.Owners.GetUsage(owner)));
        }
    }
}
