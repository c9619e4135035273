using System.Globalization;
using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Makes an allocator of the off-heap toolkit.</summary>
[Cmdlet(VerbsCommon.New, "MemoryAllocator", SupportsShouldProcess = true)]
[OutputType(typeof(MemoryAllocatorSession))]
public sealed class NewMemoryAllocatorCommand : AllocatorCmdlet
{
    /// <summary>Which allocator.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(AllocatorKindCompleter))]
    public string Kind { get; set; } = "";

    /// <summary>Its name; the kind and a number when omitted.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    /// <summary>The most it may commit, in bytes.</summary>
    [Parameter]
    [ValidateRange(1L, long.MaxValue)]
    public long LimitBytes { get; set; } = 1L << 30;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        AllocatorKind kind = null!;
        Demand(Kind, () => kind = AllocatorCatalog.Find(Kind));
        string name = Name ?? OpenAllocators.NextName(kind.Name);
        if (OpenAllocators.Find(name) is not null)
        {
            ThrowTerminatingError(Errors.AllocatorExists(name));
        }

        if (!ShouldProcess(string.Create(CultureInfo.InvariantCulture, $"{name} ({kind.Name}, at most {LimitBytes} bytes)"), "Make memory allocator"))
        {
            return;
        }

        Demand(name, () =>
        {
            MemoryBudget budget = new(name, LimitBytes, PressureThresholds.DimensionStore);
            MemoryAllocator core = kind.Create(new AllocatorSettings { CapacityBytes = LimitBytes, Budget = budget });
            MemoryAllocatorSession session = new(name, kind, core, core, budget);
            if (!OpenAllocators.TryAdd(session))
            {
                session.Close();
                ThrowTerminatingError(Errors.AllocatorExists(name));
            }

            WriteObject(session);
        });
    }
}
