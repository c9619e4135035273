namespace DimensionStore.Memory;

/// <summary>Something was to be done to an owner that was never named here. Nothing was done.</summary>
public sealed class UnknownOwnerException : MemoryToolkitException
{
    /// <summary>Creates the error.</summary>
    public UnknownOwnerException(string allocator, OwnerId owner)
        : base($"{allocator}: there is no owner {owner}: it never had a block, a limit or a registration here. Check the number; {nameof(OwnerLedger)}.{nameof(OwnerLedger.GetAll)} lists the owners.")
    {
        Allocator = allocator;
        Owner = owner;
    }

    /// <summary>Name of the allocator.</summary>
    public string Allocator { get; }

    /// <summary>The owner that is not known.</summary>
    public OwnerId Owner { get; }
}
