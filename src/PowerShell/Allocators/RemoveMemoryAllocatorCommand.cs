using System.Globalization;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Disposes allocators: gives all their memory back, blocks in use included.</summary>
[Cmdlet(VerbsCommon.Remove, "MemoryAllocator", SupportsShouldProcess = true)]
[OutputType(typeof(MemoryAllocatorSession))]
public sealed class RemoveMemoryAllocatorCommand : ChosenAllocatorCmdlet
{
    /// <summary>Write the allocators, whose properties Leaks and Findings say what was wrong.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void Process(MemoryAllocatorSession session)
    {
        long live = session.LiveBlocks;
        long bytes = session.LiveBytes;
        if (!ShouldProcess(string.Create(CultureInfo.InvariantCulture, $"{session.Name} ({live} blocks in use)"), "Remove memory allocator")
            || !Try(session, () => OpenAllocators.Remove(session)))
        {
            return;
        }

        if (live > 0)
        {
            WriteWarning(string.Create(CultureInfo.InvariantCulture, $"{session.Name}: {live} blocks with {bytes} bytes were still in use; their addresses are no longer valid."));
            if (session.Diagnosis is not null)
            {
                Name(session.Leaks, live);
            }
        }

        if (PassThru)
        {
            WriteObject(session);
        }
    }

    private void Name(IReadOnlyList<MemoryFaultInfo> leaks, long live)
    {
        foreach (MemoryFaultInfo leak in leaks.Take(MostTold))
        {
            WriteWarning(leak.ToString());
        }

        if (live > MostTold)
        {
            WriteWarning(string.Create(CultureInfo.InvariantCulture, $"and {live - MostTold} more; -PassThru writes the allocator, whose property Leaks has them, {Memory.DiagnosticLayer.MaxRecords} at most."));
        }
    }
}
