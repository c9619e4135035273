using DimensionStore.Memory;

namespace DimensionStore;

/// <content>Room in the budget: what is evicted for what, and what is never.</content>
public sealed partial class MmapManager
{
    // Pool blocks may be committed by other threads between making room and charging it. A few tries, then the limit is said to be full, which it is.
    private const int ChargeAttempts = 4;

    /// <summary>Refuses what could not be charged even if everything that may leave left. Changes nothing.</summary>
    private void CheckRoom(DimensionId id, long bytes)
    {
        LoadedRegion? replaced = TryRecordOf(id)?.Region;
        long evictable = Candidates(id).Sum(static c => c.SizeBytes);
        if (EvictionPlanner.BytesToFree(Budget.UsedBytes - (replaced?.ReclaimableBytes ?? 0), bytes, evictable, Budget.LimitBytes, _thresholdBytes) == EvictionPlanner.Impossible)
        {
            throw NoRoom(bytes, null);
        }
    }

    /// <summary>
    /// Charges the budget, evicting others first as far as the thresholds ask for it. Nothing is evicted by halves: regions whose readers do not leave in time go
    /// back to where they were.
    /// </summary>
    /// <param name="id">The dimension that the bytes are for; it is not evicted for itself.</param>
    /// <param name="bytes">Whole pages.</param>
    /// <param name="replaces">Whether the bytes take the place of those that the dimension has now.</param>
    /// <exception cref="LimitExceededException">There is no room. Nothing was changed.</exception>
    private void MakeRoom(DimensionId id, long bytes, bool replaces)
    {
        bool readersStayed = false;
        for (int attempt = 0; attempt < ChargeAttempts; attempt++)
        {
            LoadedRegion? replaced = replaces ? TryRecordOf(id)?.Region : null;
            long replacedBytes = replaced?.ReclaimableBytes ?? 0;
            long used = Budget.UsedBytes;
            EvictionCandidate[] candidates = Candidates(id);
            long toFree = EvictionPlanner.BytesToFree(used - replacedBytes, bytes, candidates.Sum(static c => c.SizeBytes), Budget.LimitBytes, _thresholdBytes);
            if (toFree == EvictionPlanner.Impossible)
            {
                break;
            }

            int victims = EvictionPlanner.Choose(Config.Eviction, candidates, toFree);
            long freed = candidates.Take(victims).Sum(static c => c.SizeBytes);

            // The old region of a dimension that is loaded again normally answers until the new one is there. Where both do not fit, it goes first.
            bool replacedGoesFirst = replaced is not null && used - freed + bytes > Budget.LimitBytes;
            readersStayed = !TryEvict(candidates.AsSpan(0, victims), replacedGoesFirst ? id : null);
            if (Budget.TryCharge(bytes))
            {
                return;
            }

            if (readersStayed)
            {
                break;
            }
        }

        throw NoRoom(bytes, readersStayed ? "Readers hold what would have been evicted; end their accesses." : null);
    }

    private bool TryEvict(ReadOnlySpan<EvictionCandidate> victims, DimensionId? replaced)
    {
        if (victims.IsEmpty && replaced is null)
        {
            return true;
        }

        List<LoadedRegion> regions = [];
        foreach (EvictionCandidate victim in victims)
        {
            if (Unpublish(new DimensionId(victim.Id)) is { } region)
            {
                regions.Add(region);
            }
        }

        if (replaced is { } id && Unpublish(id) is { } old)
        {
            regions.Add(old);
        }

        // One wait for all of them.
        if (!Drain(Config.UnloadTimeout))
        {
            lock (_gate)
            {
                foreach (LoadedRegion region in regions)
                {
                    region.Record.Region = region;
                    SetSlot(region.Record.Id.Value, region);
                }

                Recount();
            }

            return false;
        }

        lock (_gate)
        {
            foreach (LoadedRegion region in regions)
            {
                region.Record.State = DimensionState.NotLoaded;
                region.Record.LoadsOnDemand = true;
            }

            Volatile.Write(ref _counts.Evictions, _counts.Evictions + victims.Length);
            Recount();
        }

        regions.ForEach(Free);
        return true;
    }

    /// <summary>What may leave: loaded from a file, not immutable. Simulated images stay, because building one again costs more than it holds.</summary>
    private EvictionCandidate[] Candidates(DimensionId except)
    {
        lock (_gate)
        {
            return
            [
                .. _records.Values
                    .Where(r => r is { State: DimensionState.Loaded, Region: not null } && !r.Id.IsImmutable && r.Id != except)
                    .Select(r => new EvictionCandidate(r.Id.Value, r.Region!.ReclaimableBytes, r.LastUse, r.Uses)),
            ];
        }
    }

    private LimitExceededException NoRoom(long bytes, string? advice) =>
        new(Budget.Name, bytes, Budget.UsedBytes, Budget.LimitBytes, advice ?? "Unload dimensions, free pool blocks, or raise TotalMemoryMb.");
}
