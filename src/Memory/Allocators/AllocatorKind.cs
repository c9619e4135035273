namespace DimensionStore.Memory;

/// <summary>One entry of <see cref="AllocatorCatalog"/>. Immutable and thread-safe.</summary>
public sealed class AllocatorKind
{
    private readonly Func<AllocatorSettings, MemoryAllocator> _create;

    internal AllocatorKind(string name, string description, Type type, Func<AllocatorSettings, MemoryAllocator> create)
    {
        Name = name;
        Description = description;
        AllocatorType = type;
        _create = create;
    }

    /// <summary>The name on command lines: lower case, one word.</summary>
    public string Name { get; }

    /// <summary>What it is for, in a few words.</summary>
    public string Description { get; }

    /// <summary>The class of what <see cref="Create"/> makes.</summary>
    public Type AllocatorType { get; }

    /// <summary>Makes one.</summary>
    public MemoryAllocator Create(AllocatorSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.CapacityBytes, nameof(settings));
        return _create(settings);
    }
}
