namespace DimensionStore;

/// <summary>How a dimension answers.</summary>
public enum DimensionState
{
    /// <summary>Not in memory; its file can be loaded.</summary>
    NotLoaded,

    /// <summary>From its file.</summary>
    Loaded,

    /// <summary>From the simulation, because there is no file.</summary>
    Simulated,

    /// <summary>Not at all: the file is broken or cannot be read.</summary>
    Failed,
}
