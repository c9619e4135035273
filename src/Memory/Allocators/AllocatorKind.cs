namespace DimensionStore.Memory;

/// <summary>One entry of <see cref="AllocatorCatalog"/>. Immutable and thread-safe.</summary>
public sealed class AllocatorKind
{
    private readonly Func<AllocatorSettings, MemoryAllocator> _create;

    internal AllocatorKind(string name, string description, Type type, long maxCapacityBytes, Func<AllocatorSettings, MemoryAllocator> create)
    {
        Name = name;
        Description = description;
        AllocatorType = type;
        MaxCapacityBytes = maxCapacityBytes;
        _create = create;
    }

    /// <summary>The name on command lines: lower case, one word.</summary>
    public string Name { get; }

    /// <summary>What it is for, in a few words.</summary>
    public string Description { get; }

    /// <summary>The class of what <see cref="Create"/> makes.</summary>
    public Type AllocatorType { get; }

    /// <summary>The largest <see cref="AllocatorSettings.CapacityBytes"/> it can be made with.</summary>
    public long MaxCapacityBytes { get; }

    /// <summary>Makes one.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The capacity is not 1 to <see cref="MaxCapacityBytes"/> bytes, or too small for the allocator.</exception>
    public MemoryAllocator Create(AllocatorSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (settings.CapacityBytes < 1)
        {
            throw new ArgumentOutOfRangeException(nameof(settings), $"'{Name}' takes a capacity of at least 1 byte, found {settings.CapacityBytes:N0}: {nameof(AllocatorSettings.CapacityBytes)} is the most that it may commit.");
        }

        if (settings.CapacityBytes > MaxCapacityBytes)
        {
            throw new ArgumentOutOfRangeException(nameof(settings), $"'{Name}' takes a capacity of at most {MaxCapacityBytes:N0} bytes, found {settings.CapacityBytes:N0}.");
        }

        return _create(settings);
    }
}
