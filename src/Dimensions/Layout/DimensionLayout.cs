namespace DimensionStore;

/// <summary>
/// The address plan of a store: core dimensions, headroom, the reserve for D15+ and its user partition. Read from data and checked for
/// overlap, gaps and sum. Immutable and thread-safe. The rules of the data are in <c>src/Dimensions/Layout/README.md</c>.
/// </summary>
public sealed class DimensionLayout
{
    private static readonly Lazy<DimensionLayout> ShippedPlan = new(LayoutReader.ReadShipped);
    private readonly LayoutSlot[] _slots;

    /// <summary>Takes parts that the reader has checked.</summary>
    internal DimensionLayout(LayoutSlot[] slots, long coreBytes, long reserveBytes, long userBytes, int firstUserId)
    {
        _slots = slots;
        Slots = Array.AsReadOnly(slots);
        CoreBytes = coreBytes;
        ReserveBytes = reserveBytes;
        UserBytes = userBytes;
        FirstUserId = firstUserId;
    }

    /// <summary>The plan that ships with the library.</summary>
    public static DimensionLayout Default => ShippedPlan.Value;

    /// <summary>Core dimensions, ascending by address.</summary>
    public IReadOnlyList<LayoutSlot> Slots { get; }

    /// <summary>Size of the core partition, headroom included.</summary>
    public long CoreBytes { get; }

    /// <summary>Size of the reserve for D15+, its user partition included.</summary>
    public long ReserveBytes { get; }

    /// <summary>Size of the part of the reserve that is for user-specific dimensions.</summary>
    public long UserBytes { get; }

    /// <summary>Size of the part of the reserve that is for D15+ which are not user-specific.</summary>
    public long SharedReserveBytes => ReserveBytes - UserBytes;

    /// <summary>Dimensions from this number on are user-specific; those from 15 up to it are not. That a file is user-specific is known by its name alone, before anything of it is read.</summary>
    public int FirstUserId { get; }

    /// <summary>Core and reserve.</summary>
    public long TotalBytes => CoreBytes + ReserveBytes;

    /// <summary>Reads a plan.</summary>
    /// <exception cref="InvalidLayoutException">It overlaps, has gaps, or its sums are wrong.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static DimensionLayout Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        PathChecks.RequireFile(path, "a layout in the form of data/layout.json");
        return LayoutReader.Read(File.ReadAllBytes(path), path);
    }

    /// <summary>The slot of a core dimension, or null for D15+.</summary>
    public LayoutSlot? SlotOf(DimensionId id) => id.IsCore ? _slots[id.Value - 1] : null;

    /// <summary>Whether the dimension belongs to the user partition.</summary>
    public bool IsUserSpecific(DimensionId id) => id.Value >= FirstUserId;

    /// <summary>The most a file of this dimension may have: its slot, or for D15+ the whole partition it belongs to.</summary>
    public long MaxBytesOf(DimensionId id) => SlotOf(id)?.SizeBytes ?? PartitionBytesOf(id);

    /// <summary>Size of the partition of the reserve that a dimension from D15 on belongs to.</summary>
    internal long PartitionBytesOf(DimensionId id) => IsUserSpecific(id) ? UserBytes : SharedReserveBytes;

    /// <summary>Name of the place a dimension has, for errors: "D05 Temporal", "reserve", "user partition".</summary>
    internal string PlaceOf(DimensionId id) => SlotOf(id) is { } slot ? $"slot {slot.Id} {slot.Name}" : IsUserSpecific(id) ? "user partition" : "reserve partition";
}
