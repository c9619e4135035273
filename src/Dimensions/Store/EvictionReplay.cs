namespace DimensionStore;

/// <summary>Plays a trace of dimension accesses against a policy, by the store's own rules and without a store: the measure that chooses the default.</summary>
internal static class EvictionReplay
{
    /// <summary>Replays a trace.</summary>
    /// <param name="policy">Who leaves first.</param>
    /// <param name="accesses">Dimensions in the order they are used.</param>
    /// <param name="sizeOf">Bytes that a dimension costs while it is in memory; one that exceeds the limit is a miss each time.</param>
    /// <param name="limitBytes">The budget.</param>
    /// <param name="thresholdPercent">Percent of it at which eviction starts.</param>
    public static EvictionReplayResult Replay(EvictionPolicy policy, IEnumerable<int> accesses, Func<int, long> sizeOf, long limitBytes, double thresholdPercent)
    {
        long threshold = EvictionPlanner.ThresholdBytes(limitBytes, thresholdPercent);
        Dictionary<int, (long LastUse, long UseCount)> history = [];
        Dictionary<int, long> resident = [];
        long clock = 0, misses = 0, loaded = 0, evictions = 0, used = 0;
        foreach (int id in accesses)
        {
            clock++;
            history[id] = (clock, history.GetValueOrDefault(id).UseCount + 1);
            if (resident.ContainsKey(id))
            {
                continue;
            }

            misses++;
            long size = sizeOf(id);
            loaded += size;
            long free = EvictionPlanner.BytesToFree(used, size, used, limitBytes, threshold);
            if (free == EvictionPlanner.Impossible)
            {
                continue;
            }

            EvictionCandidate[] candidates = [.. resident.Select(r => new EvictionCandidate(r.Key, r.Value, history[r.Key].LastUse, history[r.Key].UseCount))];
            int victims = EvictionPlanner.Choose(policy, candidates, free);
            for (int i = 0; i < victims; i++)
            {
                resident.Remove(candidates[i].Id);
                used -= candidates[i].SizeBytes;
                evictions++;
            }

            resident.Add(id, size);
            used += size;
        }

        return new EvictionReplayResult(clock, misses, loaded, evictions);
    }
}
