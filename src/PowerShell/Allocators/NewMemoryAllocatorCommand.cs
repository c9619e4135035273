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

    /// <summary>What misuse of blocks to look for, at a price in time and memory.</summary>
    [Parameter]
    public DiagnosticLevel Diagnostic { get; set; }

    /// <summary>One in how many allocations has its stack recorded, for reports of leaks and misuse; 0 for none.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int StackEvery { get; set; }

    /// <summary>Measure how long allocating and freeing take.</summary>
    [Parameter]
    public SwitchParameter MeasureLatency { get; set; }

    /// <summary>Give memory that has been idle for half a second back to the system without being told.</summary>
    [Parameter]
    public SwitchParameter TrimIdle { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        AllocatorKind kind = null!;
        Demand(Kind, () => kind = AllocatorCatalog.Find(Kind));
        string name = Name ?? OpenAllocators.NextName(kind.Name);
        if (string.IsNullOrWhiteSpace(name) || Patterns.IsPattern(name))
        {
            ThrowTerminatingError(Errors.From(new ArgumentException($"An allocator cannot be called '{name}': a name is not blank and has neither * nor ?, by which other cmdlets find several."), name));
        }

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
            MemoryAllocatorSession session = MemoryAllocatorSession.Create(name, kind, LimitBytes, Options(), MeasureLatency);
            if (!OpenAllocators.TryAdd(session, TrimIdle))
            {
                session.Close();
                ThrowTerminatingError(Errors.AllocatorExists(name));
            }

            WriteObject(session);
        });
    }

    private DiagnosticOptions? Options()
    {
        DiagnosticOptions? options = Diagnostic switch
        {
            DiagnosticLevel.Tracking => DiagnosticOptions.Tracking,
            DiagnosticLevel.Canary => new DiagnosticOptions(),
            DiagnosticLevel.GuardPage => DiagnosticOptions.Pages,
            _ => null,
        };
        if (options is null && StackEvery > 0)
        {
            throw new ArgumentException("-StackEvery records stacks for reports, which take -Diagnostic Tracking, Canary or GuardPage.");
        }

        return options is null ? null : options with { StackEvery = StackEvery };
    }
}
