using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Checks every invariant that allocators keep about their own structures.</summary>
[Cmdlet(VerbsDiagnostic.Test, "MemoryAllocator")]
[OutputType(typeof(MemoryAllocatorTest), typeof(bool))]
public sealed class TestMemoryAllocatorCommand : ChosenAllocatorCmdlet
{
    /// <summary>Write true or false alone.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    private protected override void Process(MemoryAllocatorSession session)
    {
        IntegrityReport? report = null;
        if (Try(session, () => report = session.Blocks.CheckIntegrity()))
        {
            WriteObject(Quiet ? report!.IsIntact : new MemoryAllocatorTest(session.Name, report!));
        }
    }
}
