namespace DimensionStore;

/// <summary>What statistics count, kept up to date by whoever changes it, so that a snapshot reads a few words.</summary>
internal struct StoreCounts
{
    public int DimensionsLoaded;
    public int LayersLoaded;
    public int RegionsInUse;
    public int SimulatedDimensions;
    public int ParkedRegions;
    public long Evictions;
    public long LatencyTicks;
    public long LatencySamples;
}
