using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Checks every invariant that allocators keep about their own structures, and shows misuse of blocks that was found.</summary>
[Cmdlet(VerbsDiagnostic.Test, "MemoryAllocator")]
[OutputType(typeof(MemoryAllocatorTest), typeof(bool))]
public sealed class TestMemoryAllocatorCommand : ChosenAllocatorCmdlet
{
    /// <summary>Write true or false alone.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    private protected override void Process(MemoryAllocatorSession session)
    {
        MemoryAllocatorTest? test = null;
        if (Try(session, () => test = session.Check()))
        {
            WriteObject(Quiet ? test!.IsIntact : test);
        }
    }
}
