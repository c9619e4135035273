namespace DimensionStore;

/// <content>The region table: publishing, taking out, and giving memory back when nobody reads it any more.</content>
public sealed partial class MmapManager
{
    /// <summary>Takes a dimension out of memory. Readers that hold it keep it to the end of their scope; later ones get <see cref="RegionNotFoundException"/>.</summary>
    /// <returns>False when it was not loaded.</returns>
    /// <exception cref="ImmutableDimensionException">D09 and D14 stay while the store is open.</exception>
    /// <exception cref="ObjectDisposedException">The store is closed.</exception>
    public bool UnloadDimension(DimensionId id)
    {
        RequireValid(id);
        using MutationScope mutation = new(this);
        ThrowIfClosed();
        FreeParked();
        if (TryRecordOf(id) is not { State: DimensionState.Loaded or DimensionState.Simulated } record)
        {
            return false;
        }

        if (id.IsImmutable)
        {
            throw new ImmutableDimensionException(id, "unloaded", record.FilePath);
        }

        LoadedRegion? region = Unpublish(id);
        lock (_gate)
        {
            record.State = DimensionState.NotLoaded;
            record.LoadsOnDemand = false;
            Recount();
        }

        Retire(region);
        return true;
    }

    /// <summary>Makes a region the one that readers find. Its charge is the region's from here on; the one it replaces is retired.</summary>
    private DimensionStatus Publish(DimensionId id, MmapRegion region, string? path, FileStamp stamp, long charge)
    {
        LoadedRegion? old;
        DimensionStatus status;
        lock (_gate)
        {
            DimensionRecord record = RecordOf(id);
            LoadedRegion loaded = new(record, region, path is null, charge);
            old = record.Region;
            record.Region = loaded;
            record.Become(path is null ? DimensionState.Simulated : DimensionState.Loaded, path, stamp, region.Descriptor.Name, region.Descriptor);
            record.LastUse = _clock.Next();
            SetSlot(id.Value, loaded);
            Recount();
            status = record.ToStatus();
        }

        Retire(old);
        return status;
    }

    /// <summary>Takes a region out of the readers' sight. Those that found it before may still read it: retire it next.</summary>
    private LoadedRegion? Unpublish(DimensionId id)
    {
        lock (_gate)
        {
            if (!_records.TryGetValue(id.Value, out DimensionRecord? record) || record.Region is not { } region)
            {
                return null;
            }

            record.Region = null;
            SetSlot(id.Value, null);
            Recount();
            return region;
        }
    }

    /// <summary>Gives an unpublished region back when its readers have left, or sets it aside.</summary>
    private void Retire(LoadedRegion? region)
    {
        if (region is null)
        {
            return;
        }

        if (Drain(Config.UnloadTimeout))
        {
            Free(region);
            return;
        }

        lock (_gate)
        {
            _parked.Add(region);
            Recount();
        }
    }

    /// <summary>Gives back what was set aside, if its readers have left by now.</summary>
    private void FreeParked()
    {
        if (_parked.Count == 0 || !Drain(TimeSpan.FromMilliseconds(1)))
        {
            return;
        }

        List<LoadedRegion> parked;
        lock (_gate)
        {
            parked = [.. _parked];
            _parked.Clear();
            Recount();
        }

        parked.ForEach(Free);
    }

    private void Free(LoadedRegion region)
    {
        region.FreeBuffers();
        _seams.Dispose(region.Region);
        Budget.Release(region.ChargedBytes);
    }

    private void SetSlot(int id, LoadedRegion? region)
    {
        LoadedRegion?[] table = _table;
        if (id < table.Length)
        {
            Volatile.Write(ref table[id], region);
        }
        else if (region is not null)
        {
            // A reader with the old array in hand has an open bracket, so whoever takes a region out of the new one waits for it.
            LoadedRegion?[] larger = new LoadedRegion?[Math.Min(DimensionId.MaxValue + 1, Math.Max(id + 1, table.Length * 2))];
            table.CopyTo(larger, 0);
            larger[id] = region;
            _table = larger;
        }
    }

    private DimensionRecord? TryRecordOf(DimensionId id)
    {
        lock (_gate)
        {
            return _records.TryGetValue(id.Value, out DimensionRecord? record) ? record : null;
        }
    }

    /// <summary>The dimension's record, made if there is none. Under the gate.</summary>
    private DimensionRecord RecordOf(DimensionId id)
    {
        if (!_records.TryGetValue(id.Value, out DimensionRecord? record))
        {
            record = new DimensionRecord(id);
            _records.Add(record);
        }

        return record;
    }

    private void SetFailed(DimensionId id, string path, Exception error)
    {
        lock (_gate)
        {
            RecordOf(id).Become(DimensionState.Failed, path, default, null, null, error: error);
            Recount();
        }
    }
}
