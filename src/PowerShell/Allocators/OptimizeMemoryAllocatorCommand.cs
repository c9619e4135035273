using System.Globalization;
using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Gives free memory of allocators back to the operating system.</summary>
[Cmdlet(VerbsCommon.Optimize, "MemoryAllocator", SupportsShouldProcess = true)]
[OutputType(typeof(MemoryRecovery))]
public sealed class OptimizeMemoryAllocatorCommand : ChosenAllocatorCmdlet
{
    /// <summary>Bring free memory together first, where the allocator can: kind tree.</summary>
    [Parameter]
    public SwitchParameter Defragment { get; set; }

    private protected override void Process(MemoryAllocatorSession session)
    {
        if (Defragment && session.Core is not TreeZoneAllocator)
        {
            WriteError(Errors.OperationNotSupported(session, "defragment", "tree"));
            return;
        }

        if (!ShouldProcess(string.Create(CultureInfo.InvariantCulture, $"{session.Name} ({session.CommittedBytes} bytes committed)"), "Give free memory back"))
        {
            return;
        }

        MemoryRecovery? recovery = null;
        if (Try(session, () => recovery = Recover(session)))
        {
            WriteObject(recovery);
        }
    }

    private MemoryRecovery Recover(MemoryAllocatorSession session)
    {
        long recovered = 0;
        long returned = 0;
        if (Defragment && session.Core is TreeZoneAllocator tree)
        {
            lock (session.BlockGate)
            {
                TreeDefragmentation result = tree.Defragment();
                recovered = result.BytesRecovered;
                returned = result.BytesDecommitted;
            }
        }

        returned += session.Blocks.Trim();
        return new MemoryRecovery(session.Name, recovered, returned, session.CommittedBytes);
    }
}
