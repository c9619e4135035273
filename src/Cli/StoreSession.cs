namespace DimensionStore.Cli;

/// <summary>A store opened for one command. Says on standard error what people must know of it: that the simulation answers, and which files are broken.</summary>
internal sealed class StoreSession : IDisposable
{
    private readonly CliContext _context;
    private readonly string _directory;

    private StoreSession(CliContext context, string directory, MmapManager store)
    {
        _context = context;
        _directory = directory;
        Store = store;
        Dimensions = store.GetDimensions();
    }

    /// <summary>The store.</summary>
    public MmapManager Store { get; }

    /// <summary>What it knew when it was opened.</summary>
    public IReadOnlyList<DimensionStatus> Dimensions { get; }

    /// <summary>Whether no dimension has a file.</summary>
    public bool IsSimulated => !Dimensions.Any(dimension => dimension.State is DimensionState.Loaded or DimensionState.NotLoaded or DimensionState.Failed);

    /// <summary>Opens a directory; one that is missing or empty is answered by the simulation.</summary>
    public static StoreSession Open(CliContext context, string directory)
    {
        if (File.Exists(directory))
        {
            throw new IOException($"{directory} is a file; name the directory that holds the dimension files.");
        }

        return new StoreSession(context, directory, new MmapManager(new MemoryConfig { BasePath = directory }));
    }

    /// <summary>Notes that nothing comes from a file, if so.</summary>
    public void NoteSimulation()
    {
        if (IsSimulated)
        {
            string why = Directory.Exists(_directory) ? "holds no dimension files" : "does not exist";
            _context.Note($"{_directory} {why}; answered from the simulation.");
        }
    }

    /// <summary>Notes which of the dimensions that answered have no file.</summary>
    public void NoteSimulation(IReadOnlySet<DimensionId> answered)
    {
        if (IsSimulated)
        {
            NoteSimulation();
        }
        else if (answered.Count > 0)
        {
            string ids = string.Join(", ", answered.Order());
            _context.Note($"{ids} {(answered.Count == 1 ? "has" : "have")} no file in {_directory}; answered from the simulation.");
        }
    }

    /// <summary>Reports the files that could not be used.</summary>
    /// <returns>The command's exit code: what it was, or the code of the first broken file.</returns>
    public int ReportBroken(int exitCode)
    {
        int? broken = null;
        foreach (DimensionStatus dimension in Dimensions)
        {
            if (dimension.Error is { } error)
            {
                int code = _context.Report(error);
                broken ??= code;
            }
        }

        return broken ?? exitCode;
    }

    public void Dispose() => Store.Dispose();
}
