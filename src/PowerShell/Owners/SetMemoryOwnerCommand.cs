using System.Globalization;
using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Sets the limit of owners in an allocator, or says that they have ended. An owner that has ended starts anew with its limit.</summary>
[Cmdlet(VerbsCommon.Set, "MemoryOwner", SupportsShouldProcess = true, DefaultParameterSetName = LimitSet)]
[OutputType(typeof(MemoryOwner))]
public sealed class SetMemoryOwnerCommand : MemoryOwnerCmdlet
{
    private const string LimitSet = "Limit";
    private const string EndedSet = "Ended";

    /// <summary>The most each of them may have, in bytes.</summary>
    [Parameter(Mandatory = true, Position = 2, ParameterSetName = LimitSet)]
    [ValidateRange(0L, long.MaxValue)]
    public long LimitBytes { get; set; }

    /// <summary>Say that the owners have ended, so that a collection may free their blocks.</summary>
    [Parameter(Mandatory = true, ParameterSetName = EndedSet)]
    public SwitchParameter Ended { get; set; }

    /// <summary>Write the owners.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void Process(MemoryAllocatorSession session, OwnerId owner)
    {
        if (Ended && !Knows(session, owner))
        {
            return;
        }

        string action = Ended ? "End memory owner" : string.Create(CultureInfo.InvariantCulture, $"Limit memory owner to {LimitBytes} bytes");
        if (!ShouldProcess($"{session.Name} {owner}", action))
        {
            return;
        }

        bool done = Try(owner, () =>
        {
            if (!Ended)
            {
                session.LimitOwner(owner, LimitBytes);
            }
            else
            {
                session.EndOwner(owner);
            }
        }, session);
        if (done && PassThru)
        {
            WriteObject(new MemoryOwner(session, session.Owners.GetUsage(owner)));
        }
    }
}
