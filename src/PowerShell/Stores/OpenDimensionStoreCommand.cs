using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Opens a directory of dimension files as a store and makes it the default one.</summary>
[Cmdlet(VerbsCommon.Open, "DimensionStore", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DimensionStoreSession))]
public sealed class OpenDimensionStoreCommand : DimensionCmdlet
{
    private const string PathSet = "Path";
    private const string LiteralSet = "LiteralPath";

    /// <summary>Directory of the dimension files; data/consciousness below the current location when omitted.</summary>
    [Parameter(Position = 0, ParameterSetName = PathSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    public string? Path { get; set; }

    /// <summary>Directory of the dimension files, taken as written.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralSet)]
    [Alias("PSPath")]
    [ValidateNotNullOrEmpty]
    public string? LiteralPath { get; set; }

    /// <summary>Limit in MiB for regions, pool and decompressed layers together.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int TotalMemoryMb { get; set; } = 280;

    /// <summary>Percent of the limit at which a warning is raised.</summary>
    [Parameter]
    [ValidateRange(0d, 100d)]
    public double WarningThreshold { get; set; } = 75;

    /// <summary>Percent of the limit at which eviction starts.</summary>
    [Parameter]
    [ValidateRange(0d, 100d)]
    public double EvictionThreshold { get; set; } = 85;

    /// <summary>Percent of the limit at which the state is critical.</summary>
    [Parameter]
    [ValidateRange(0d, 100d)]
    public double CriticalThreshold { get; set; } = 95;

    /// <summary>Which dimension leaves first.</summary>
    [Parameter]
    public EvictionPolicy Eviction { get; set; } = DefaultConfig.Eviction;

    /// <summary>Where the bytes of dimensions live.</summary>
    [Parameter]
    public Residency Residency { get; set; }

    /// <summary>Check every byte of every file, not only header and metadata.</summary>
    [Parameter]
    public SwitchParameter Verify { get; set; }

    /// <summary>Do not answer from the simulation where a file is missing.</summary>
    [Parameter]
    public SwitchParameter NoSimulation { get; set; }

    /// <summary>The simulation's data, a JSON file; what ships with the module when omitted.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? SimulationDataPath { get; set; }

    /// <summary>The layout, a JSON file; what ships with the module when omitted.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? LayoutPath { get; set; }

    private static MemoryConfig DefaultConfig { get; } = new();

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        string basePath = ResolveBasePath();
        string? simulation = SimulationDataPath is null ? null : Paths.ResolveNew(SimulationDataPath);
        string? layout = LayoutPath is null ? null : Paths.ResolveNew(LayoutPath);
        DimensionStoreSession? session = null;
        Demand(basePath, () =>
        {
            MemoryConfig config = DefaultConfig with
            {
                BasePath = basePath,
                TotalMemoryMb = TotalMemoryMb,
                WarningThreshold = WarningThreshold,
                EvictionThreshold = EvictionThreshold,
                CriticalThreshold = CriticalThreshold,
                Eviction = Eviction,
                Residency = Residency,
                VerifyOnLoad = Verify,
                Simulate = !NoSimulation,
                SimulationDataPath = simulation,
                Layout = layout is null ? DefaultConfig.Layout : DimensionLayout.Load(layout),
            };
            session = OpenStores.Add(new MmapManager(config));
        });

        ReportState(session!);
        WriteObject(session);
    }

    private string ResolveBasePath()
    {
        if (LiteralPath is not null)
        {
            return Paths.ResolveDirectory(LiteralPath, literal: true);
        }

        // The default directory may be missing: the specification's store then answers from the simulation. A path that was written out may not, it is more likely mistyped.
        return Path is not null ? Paths.ResolveDirectory(Path, literal: false) : Paths.ResolveNew(DefaultConfig.BasePath);
    }

    private void ReportState(DimensionStoreSession session)
    {
        bool anyFile = false;
        foreach (DimensionStatus status in session.Manager.GetDimensions())
        {
            anyFile |= status.FilePath is not null;
            if (status.State == DimensionState.Failed && status.Error is not null && Errors.IsExpected(status.Error))
            {
                WriteError(Errors.From(status.Error, status.FilePath ?? (object)status.Id));
            }
        }

        MemoryStats stats = session.Manager.GetStats();
        if (stats.DimensionsLoaded == 0 && stats.SimulationMode)
        {
            WriteWarning(anyFile
                ? $"None of the dimension files in {session.BasePath} is loaded; dimensions without a file answer from the simulation."
                : $"{session.BasePath} has no dimension files; answers come from the simulation.");
        }
    }
}
