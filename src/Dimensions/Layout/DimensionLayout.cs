namespace DimensionStore;

/// <summary>The address plan of a store: core dimensions, headroom, the reserve for D15+ and its user partition. Read from data and checked for overlap and sum.</summary>
public sealed class DimensionLayout
{
    private DimensionLayout()
    {
    }

    /// <summary>The plan that ships with the library.</summary>
    public static DimensionLayout Default => throw new NotImplementedException();

    /// <summary>Core dimensions, ascending by address.</summary>
    public IReadOnlyList<LayoutSlot> Slots => throw new NotImplementedException();

    /// <summary>Size of the core partition, headroom included.</summary>
    public long CoreBytes => throw new NotImplementedException();

    /// <summary>Size of the reserve for D15+, its user partition included.</summary>
    public long ReserveBytes => throw new NotImplementedException();

    /// <summary>Size of the part of the reserve that is for user-specific dimensions.</summary>
    public long UserBytes => throw new NotImplementedException();

    /// <summary>Core and reserve.</summary>
    public long TotalBytes => throw new NotImplementedException();

    /// <summary>Reads a plan.</summary>
    /// <exception cref="InvalidLayoutException">It overlaps, has gaps, or its sums are wrong.</exception>
    public static DimensionLayout Load(string path) => throw new NotImplementedException();

    /// <summary>The slot of a core dimension, or null for D15+.</summary>
    public LayoutSlot? SlotOf(DimensionId id) => throw new NotImplementedException();

    /// <summary>The most a file of this dimension may have: its slot, or for D15+ the whole partition it belongs to.</summary>
    public long MaxBytesOf(DimensionId id) => throw new NotImplementedException();
}
