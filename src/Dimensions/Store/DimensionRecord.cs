namespace DimensionStore;

/// <summary>What the store knows of one dimension, in memory or not. Changed under the manager's gate only, except for the use stamp.</summary>
internal sealed class DimensionRecord(DimensionId id)
{
    private long _lastUse;
    private long _uses;

    /// <summary>The dimension.</summary>
    public DimensionId Id { get; } = id;

    /// <summary>How it answers.</summary>
    public DimensionState State { get; set; } = DimensionState.NotLoaded;

    /// <summary>True when it is out of memory for the budget's sake, not because somebody asked: then searches and navigation load it again.</summary>
    public bool LoadsOnDemand { get; set; }

    /// <summary>Its file, or null.</summary>
    public string? FilePath { get; set; }

    /// <summary>What its file was when it was looked at last.</summary>
    public FileStamp Stamp { get; set; }

    /// <summary>Its name, as far as known.</summary>
    public string? Name { get; set; }

    /// <summary>Header and metadata, as far as known.</summary>
    public DimensionDescriptor? Descriptor { get; set; }

    /// <summary>How many layers its simulation has; counts as long as that is not made and <see cref="Descriptor"/> is null.</summary>
    public int SimulatedLayers { get; set; }

    /// <summary>Why it failed.</summary>
    public Exception? Error { get; set; }

    /// <summary>Its bytes; null when not in memory, or simulated and not used yet.</summary>
    public LoadedRegion? Region { get; set; }

    /// <summary>Uses, over the life of the store: evicting a dimension does not make it less frequently used. What copies is counted each time, what does not in samples.</summary>
    public long Uses => Volatile.Read(ref _uses);

    /// <summary>Last use, as <see cref="UseClock"/> stamps it.</summary>
    public long LastUse
    {
        get => Volatile.Read(ref _lastUse);
        set => Volatile.Write(ref _lastUse, value);
    }

    /// <summary>Says anew how the dimension answers and what is known of it; only the region and the uses stay.</summary>
    public void Become(DimensionState state, string? filePath, FileStamp stamp, string? name, DimensionDescriptor? descriptor, bool loadsOnDemand = false, Exception? error = null)
    {
        State = state;
        FilePath = filePath;
        Stamp = stamp;
        Name = name;
        Descriptor = descriptor;
        LoadsOnDemand = loadsOnDemand;
        Error = error;
    }

    /// <summary>The layers that it answers from now; those of a simulation from the start, whether its image is made or not.</summary>
    public int LayersAnswering => Region is { } region ? region.Region.Descriptor.Layers.Count : State == DimensionState.Simulated ? SimulatedLayers : 0;

    /// <summary>Counts uses. Any thread.</summary>
    public void AddUses(long count) => Interlocked.Add(ref _uses, count);

    /// <summary>Bytes of the layout that this dimension's file takes, whether it is in memory or not.</summary>
    public long PlacedBytes => State is DimensionState.Loaded or DimensionState.NotLoaded && FilePath is not null ? Stamp.Length : 0;

    /// <summary>A public copy.</summary>
    public DimensionStatus ToStatus() => new(Id, Name, State, FilePath, Region?.Size ?? Stamp.Length, Descriptor, Error);
}
