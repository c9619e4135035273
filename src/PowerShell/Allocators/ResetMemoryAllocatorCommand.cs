using System.Globalization;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Frees every block of allocators at once.</summary>
[Cmdlet(VerbsCommon.Reset, "MemoryAllocator", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(void))]
public sealed class ResetMemoryAllocatorCommand : ChosenAllocatorCmdlet
{
    private protected override void Process(MemoryAllocatorSession session)
    {
        if (ShouldProcess(string.Create(CultureInfo.InvariantCulture, $"{session.Name} ({session.LiveBlocks} blocks in use)"), "Free every block of memory allocator"))
        {
            Try(session, () =>
            {
                lock (session.BlockGate)
                {
                    session.Blocks.Reset();
                    session.EndLives();
                }
            });
        }
    }
}
