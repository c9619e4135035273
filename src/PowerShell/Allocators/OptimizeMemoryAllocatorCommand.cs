using System.Globalization;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Gives free memory of allocators back to the operating system.</summary>
[Cmdlet(VerbsCommon.Optimize, "MemoryAllocator", SupportsShouldProcess = true)]
[OutputType(typeof(MemoryRecovery))]
public sealed class OptimizeMemoryAllocatorCommand : ChosenAllocatorCmdlet
{
    private protected override void Process(MemoryAllocatorSession session)
    {
        if (!ShouldProcess(string.Create(CultureInfo.InvariantCulture, $"{session.Name} ({session.CommittedBytes} bytes committed)"), "Give free memory back"))
        {
            return;
        }

        MemoryRecovery? recovery = null;
        if (Try(session, () => recovery = new MemoryRecovery(session.Name, session.Blocks.Trim(), session.CommittedBytes)))
        {
            WriteObject(recovery);
        }
    }
}
