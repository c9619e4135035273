using System.Globalization;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Disposes allocators: gives all their memory back, blocks in use included.</summary>
[Cmdlet(VerbsCommon.Remove, "MemoryAllocator", SupportsShouldProcess = true)]
[OutputType(typeof(void))]
public sealed class RemoveMemoryAllocatorCommand : ChosenAllocatorCmdlet
{
    private protected override void Process(MemoryAllocatorSession session)
    {
        long live = session.LiveBlocks;
        if (!ShouldProcess(string.Create(CultureInfo.InvariantCulture, $"{session.Name} ({live} blocks in use)"), "Remove memory allocator"))
        {
            return;
        }

        if (live > 0)
        {
            WriteWarning(string.Create(CultureInfo.InvariantCulture, $"{session.Name}: {live} blocks with {session.LiveBytes} bytes were still in use; their addresses are no longer valid."));
        }

        Try(session, () => OpenAllocators.Remove(session));
    }
}
