using DimensionStore.Memory;

namespace DimensionStore;

/// <summary>
/// The store: loads dimension files, gives zero-copy access to their layers and entries, enforces the budget, evicts under pressure
/// and answers from the simulation where files are missing. Thread-safe; access takes no lock.
/// </summary>
public sealed class MmapManager : IDisposable
{
    /// <summary>Opens a store: loads every file of its directory, simulates the core dimensions that have none, notes those that are broken.</summary>
    public MmapManager(MemoryConfig config) => throw new NotImplementedException();

    /// <summary>Opens a store in the default directory with another total limit (the specification's constructor).</summary>
    public MmapManager(int totalMemoryMb)
        : this(new MemoryConfig { TotalMemoryMb = totalMemoryMb })
    {
    }

    /// <summary>Raised when the budget crosses a threshold.</summary>
    public event EventHandler<PressureChangedEventArgs>? PressureChanged { add => throw new NotImplementedException(); remove => throw new NotImplementedException(); }

    /// <summary>How the store was configured.</summary>
    public MemoryConfig Config => throw new NotImplementedException();

    /// <summary>The pool. Its committed memory counts against the store's budget.</summary>
    public PoolAllocator Pool => throw new NotImplementedException();

    /// <summary>The budget.</summary>
    public MemoryBudget Budget => throw new NotImplementedException();

    /// <summary>Every dimension the store knows of, ascending.</summary>
    public IReadOnlyList<DimensionStatus> GetDimensions() => throw new NotImplementedException();

    /// <summary>Loads a dimension from its file in the store's directory, or reloads it if the file was replaced.</summary>
    public DimensionStatus LoadDimension(DimensionId id) => throw new NotImplementedException();

    /// <summary>Loads a dimension from a file anywhere; replaces the one that is loaded.</summary>
    public DimensionStatus LoadDimension(DimensionId id, string path) => throw new NotImplementedException();

    /// <summary>Takes a dimension out of memory. Readers that hold it keep it to the end of their scope; later ones get <see cref="RegionNotFoundException"/>.</summary>
    /// <returns>False when it was not loaded.</returns>
    public bool UnloadDimension(DimensionId id) => throw new NotImplementedException();

    /// <summary>Zero-copy access to a layer.</summary>
    public LayerAccess AccessLayer(LayerId layer) => throw new NotImplementedException();

    /// <summary>Copies a layer, or a part of it.</summary>
    public byte[] ReadLayer(LayerId layer, long offset = 0, int? size = null) => throw new NotImplementedException();

    /// <summary>Zero-copy access to the entries of a keyword in one dimension. Allocates nothing.</summary>
    public EntryAccess Find(DimensionId dimension, ReadOnlySpan<char> keyword) => throw new NotImplementedException();

    /// <summary>Finds entries in all dimensions, or in some, and copies them out, lazily, ascending by dimension.</summary>
    public IEnumerable<FoundEntry> FindEntries(string keyword, KeywordMatch match = KeywordMatch.Exact, IReadOnlyCollection<DimensionId>? dimensions = null) => throw new NotImplementedException();

    /// <summary>Loads the contexts of a navigation path; what cannot be answered is skipped and reported.</summary>
    public NavigationContexts LoadContexts(NavigationPath path) => throw new NotImplementedException();

    /// <summary>Begins a dimension whose entries are collected in pool memory.</summary>
    public ProtoDimension CreateProtoDimension(string name, bool userSpecific = false) => throw new NotImplementedException();

    /// <summary>Writes a proto-dimension to a file in the reserve, loads it, and gives its pool memory back.</summary>
    /// <param name="proto">What to write; disposed on success, untouched on failure.</param>
    /// <param name="id">D15 or above; null takes the first free one.</param>
    public DimensionStatus Crystallize(ProtoDimension proto, DimensionId? id = null) => throw new NotImplementedException();

    /// <summary>Takes a snapshot. Allocates nothing on the GC heap.</summary>
    public MemoryStats GetStats() => throw new NotImplementedException();

    /// <summary>Closes the store: waits for readers, unmaps everything, gives the pool back.</summary>
    public void Close() => throw new NotImplementedException();

    /// <summary>Same as <see cref="Close"/>.</summary>
    public void Dispose() => throw new NotImplementedException();
}
