using DimensionStore.Memory;
using DimensionStore.Memory.Native;

namespace DimensionStore;

/// <content>Loading: from the directory at open, on request, and from the simulation.</content>
public sealed partial class MmapManager
{
    /// <summary>Loads a dimension from its file in the store's directory, or reloads it if the file was replaced. Where there is no file the simulation starts.</summary>
    /// <exception cref="DimensionNotFoundException">There is no file, and nothing to simulate it from. What was loaded stays.</exception>
    /// <exception cref="DimensionFormatException">The file breaks a rule of the format, or is another dimension's.</exception>
    /// <exception cref="ImmutableDimensionException">D09 or D14 is loaded and its file was replaced.</exception>
    /// <exception cref="LimitExceededException">The file is larger than its slot or partition, or the budget has no room even after eviction. Nothing was changed.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="ObjectDisposedException">The store is closed.</exception>
    public DimensionStatus LoadDimension(DimensionId id)
    {
        RequireValid(id);
        using MutationScope mutation = new(this);
        ThrowIfClosed();
        FreeParked();
        return LoadOwn(id);
    }

    /// <summary>Loads a dimension from a file anywhere; replaces the one that is loaded. On failure what was loaded stays.</summary>
    /// <exception cref="DimensionFormatException">The file breaks a rule of the format, or is another dimension's.</exception>
    /// <exception cref="ImmutableDimensionException">D09 or D14 is loaded from a file already.</exception>
    /// <exception cref="LimitExceededException">The file is larger than its slot or partition, or the budget has no room even after eviction.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="ObjectDisposedException">The store is closed.</exception>
    public DimensionStatus LoadDimension(DimensionId id, string path)
    {
        RequireValid(id);
        ArgumentException.ThrowIfNullOrEmpty(path);
        using MutationScope mutation = new(this);
        ThrowIfClosed();
        FreeParked();
        return LoadFile(id, Path.GetFullPath(path));
    }

    private static void RequireValid(DimensionId id)
    {
        if (id.Value == 0)
        {
            throw new ArgumentException("The dimension has no number; use one of D01 and up.", nameof(id));
        }
    }

    private static long WholePages(long bytes) => (bytes + VirtualMemory.PageSize - 1) & -(long)VirtualMemory.PageSize;

    /// <summary>Loads all there is, without evicting: what does not fit below the eviction threshold is loaded when it is asked for.</summary>
    private void OpenDirectory()
    {
        // The immutable ones first: they stay whatever happens, so they must not find the budget full.
        int[] files = ListDirectory();
        OpenFiles(files, immutable: true);
        OpenFiles(files, immutable: false);

        if (Config.Simulate)
        {
            SimulateWithoutFiles();
        }

        lock (_gate)
        {
            Recount();
        }
    }

    private void OpenFiles(int[] numbers, bool immutable)
    {
        foreach (int number in numbers)
        {
            DimensionId id = new(number);
            if (id.IsImmutable != immutable)
            {
                continue;
            }

            string path = Path.Combine(_basePath, id.FileName);
            try
            {
                OpenFile(id, path);
            }
            catch (Exception exception) when (exception is DimensionStoreException or MemoryToolkitException or IOException)
            {
                SetFailed(id, path, exception);
            }
        }
    }

    /// <summary>The dimensions whose files are there, ascending. Only names that the store itself would give count: <c>D1.mmap</c> beside <c>D01.mmap</c> must not be a second D01.</summary>
    /// <returns>Their numbers. A collection of ids would be compiled anew in every process, because the runtime brings code for collections of numbers only; that took longer than the rest of opening.</returns>
    private int[] ListDirectory()
    {
        List<int> files = [];
        if (File.Exists(_basePath))
        {
            // Listing it would say that there is no such directory, and the store would begin empty.
            throw new IOException($"{_basePath} is a file; the directory of a store was expected.");
        }

        try
        {
            foreach (string path in Directory.EnumerateFileSystemEntries(_basePath, "D*.mmap"))
            {
                ReadOnlySpan<char> name = Path.GetFileName(path.AsSpan());
                if (DimensionId.TryParse(name[..^".mmap".Length], null, out DimensionId id) && name.SequenceEqual(id.FileName))
                {
                    files.Add(id.Value);
                }
            }
        }
        catch (DirectoryNotFoundException)
        {
            // A store may begin without a directory: everything is simulated, and crystallizing makes it.
            return [];
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException($"{_basePath} cannot be listed: {exception.Message}", exception);
        }

        files.Sort();
        return [.. files];
    }

    private void OpenFile(DimensionId id, string path)
    {
        FileStamp stamp = FileStamp.Of(path);
        CheckPlace(id, stamp.Length);
        long charge = WholePages(stamp.Length);
        bool fits = Budget.UsedBytes + charge < _thresholdBytes || id.IsImmutable;
        MmapRegion region = OpenChecked(id, path, fits ? null : Residency.Shared);
        charge = WholePages(region.Size);
        if (fits && Budget.TryCharge(charge))
        {
            Publish(id, region, path, stamp, charge);
            return;
        }

        region.Dispose();
        if (id.IsImmutable)
        {
            throw new LimitExceededException(Budget.Name, charge, Budget.UsedBytes, Budget.LimitBytes, $"{id} is immutable and must stay in memory; raise the limit.");
        }

        lock (_gate)
        {
            RecordOf(id).Become(DimensionState.NotLoaded, path, stamp, region.Descriptor.Name, region.Descriptor, loadsOnDemand: true);
        }
    }

    private DimensionStatus LoadOwn(DimensionId id)
    {
        string path = Path.Combine(_basePath, id.FileName);
        if (!Path.Exists(path))
        {
            return StartSimulation(id);
        }

        DimensionRecord? current = TryRecordOf(id);
        if (current is { State: DimensionState.Loaded } && current.FilePath == path && current.Stamp == FileStamp.Of(path))
        {
            return current.ToStatus();
        }

        try
        {
            return LoadFile(id, path);
        }
        catch (Exception exception) when (current is not { State: DimensionState.Loaded } && IsOfTheFile(exception))
        {
            // A bad file is an error and never a simulation: what was simulated stops answering.
            LoadedRegion? simulated = Unpublish(id);
            SetFailed(id, path, exception);
            Retire(simulated);
            throw;
        }
    }

    private DimensionStatus LoadFile(DimensionId id, string path)
    {
        if (id.IsImmutable && TryRecordOf(id) is { State: DimensionState.Loaded } loaded)
        {
            throw new ImmutableDimensionException(id, "replaced", loaded.FilePath);
        }

        // Everything that can be refused is refused before anything is evicted: place, budget, then the file itself.
        FileStamp stamp = FileStamp.Of(path);
        CheckPlace(id, stamp.Length);
        CheckRoom(id, WholePages(stamp.Length));
        MmapRegion region = OpenChecked(id, path);
        long charge = WholePages(region.Size);
        try
        {
            if (region.Size != stamp.Length)
            {
                CheckPlace(id, region.Size);
                stamp = stamp with { Length = region.Size };
            }

            MakeRoom(id, charge, replaces: true);
        }
        catch
        {
            region.Dispose();
            throw;
        }

        return Publish(id, region, path, stamp, charge);
    }

    /// <summary>Whether the file is to blame, and not the budget, which may have room later.</summary>
    private bool IsOfTheFile(Exception exception) => exception is DimensionFormatException or CodecUnavailableException or IOException
        || (exception is LimitExceededException limit && limit.LimitName != Budget.Name);

    private MmapRegion OpenChecked(DimensionId id, string path, Residency? residency = null)
    {
        MmapRegion region;
        try
        {
            region = MmapRegion.Open(path, residency ?? (id.IsImmutable ? Residency.Private : Config.Residency), Config.VerifyOnLoad || id.IsImmutable);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException(exception.Message, exception);
        }

        DimensionDescriptor descriptor = region.Descriptor;
        DimensionFormatException? error = null;
        if (descriptor.Id != id)
        {
            error = new DimensionFormatException(DimensionFormatError.BadDimensionId, 0, $"{id.Value}, to be loaded as {id}", $"{descriptor.Id.Value}", path);
        }
        else if (id.IsImmutable && !descriptor.IsSealed)
        {
            error = new DimensionFormatException(DimensionFormatError.MissingSeal, DimensionFormat.FlagsOffset, $"a seal, because {id} is immutable", descriptor.IsPlain ? "a plain file" : "no seal", path);
        }
        else if (descriptor.Layers.FirstOrDefault(static l => l.UncompressedSize > int.MaxValue) is { } layer)
        {
            region.Dispose();
            throw new LimitExceededException($"{path}, layer {layer.Layer}", layer.UncompressedSize, 0, int.MaxValue, "A span holds no more; write the content as several dimensions.");
        }

        if (error is not null)
        {
            region.Dispose();
            throw error;
        }

        return region;
    }

    private DimensionStatus StartSimulation(DimensionId id)
    {
        DimensionRecord? current = TryRecordOf(id);
        if (current is { State: DimensionState.Loaded } && id.IsImmutable)
        {
            throw new ImmutableDimensionException(id, "replaced by its simulation", current.FilePath);
        }

        CatalogDimension? source = Config.Simulate ? _catalog.Value.Find(id) : null;
        if (source is null)
        {
            if (current is { State: DimensionState.NotLoaded or DimensionState.Failed })
            {
                // Its file is gone and it is not in memory: its place in the layout is free.
                lock (_gate)
                {
                    _records.Remove(id.Value);
                    Recount();
                }
            }

            throw new DimensionNotFoundException(id, _basePath);
        }

        if (current is { State: DimensionState.Simulated })
        {
            return current.ToStatus();
        }

        LoadedRegion? old = Unpublish(id);
        DimensionStatus status;
        lock (_gate)
        {
            DimensionRecord record = RecordOf(id);
            record.Become(DimensionState.Simulated, null, default, source.Name, null);
            record.SimulatedLayers = source.Layers.Count;
            Recount();
            status = record.ToStatus();
        }

        Retire(old);
        return status;
    }

    /// <summary>Makes the image of a simulated dimension at its first use. Under the mutation lock.</summary>
    private void BuildSimulation(DimensionRecord record)
    {
        CatalogDimension? source = _catalog.Value.Find(record.Id);
        if (source is null)
        {
            lock (_gate)
            {
                _records.Remove(record.Id.Value);
                Recount();
            }

            throw new DimensionNotFoundException(record.Id, _basePath);
        }

        byte[] image = SimulatedImage.Build(source);
        long charge = WholePages(image.Length);
        CheckPlace(record.Id, image.Length);
        MakeRoom(record.Id, charge, replaces: false);
        MmapRegion region;
        try
        {
            region = MmapRegion.FromImage(image);
        }
        catch
        {
            Budget.Release(charge);
            throw;
        }

        Publish(record.Id, region, null, new FileStamp(image.Length, 0), charge);
    }

    private void SimulateWithoutFiles()
    {
        lock (_gate)
        {
            if (Config.SimulationDataPath is not null)
            {
                foreach (CatalogDimension dimension in _catalog.Value.Dimensions)
                {
                    SimulateWithoutFile(dimension.Id, dimension.Name, dimension.Layers.Count);
                }

                return;
            }

            // The shipped catalog describes D01 to D14 with four layers each, which a test proves. Not reading it here is what keeps opening a store below a millisecond.
            foreach (LayoutSlot slot in Config.Layout.Slots)
            {
                SimulateWithoutFile(slot.Id, slot.Name, DimensionCatalog.DefaultLayers);
            }
        }
    }

    private void SimulateWithoutFile(DimensionId id, string name, int layers)
    {
        DimensionRecord record = RecordOf(id);
        if (record.FilePath is null)
        {
            record.State = DimensionState.Simulated;
            record.Name = name;
            record.SimulatedLayers = layers;
        }
    }

    /// <summary>Refuses what its slot or partition of the layout has no place for.</summary>
    private void CheckPlace(DimensionId id, long bytes)
    {
        DimensionLayout layout = Config.Layout;
        long max = layout.MaxBytesOf(id);
        long taken;
        lock (_gate)
        {
            taken = TakenBytesBeside(id);
        }

        if (bytes > max - taken)
        {
            throw new LimitExceededException($"{id}, {layout.PlaceOf(id)}", bytes, taken, max, id.IsCore ? "Write less into this dimension, or use a layout with a larger slot." : "Remove dimensions from this partition, or use a layout with a larger one.");
        }
    }

    /// <summary>What others take of the place a dimension belongs to: nothing of a slot, the files of its partition from D15 on. Under the gate.</summary>
    private long TakenBytesBeside(DimensionId id)
    {
        DimensionLayout layout = Config.Layout;
        return id.IsCore ? 0 : _records.Values
            .Where(r => r.Id != id && !r.Id.IsCore && layout.IsUserSpecific(r.Id) == layout.IsUserSpecific(id))
            .Sum(static r => r.PlacedBytes);
    }
}
