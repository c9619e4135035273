namespace DimensionStore.Memory;

/// <summary>Whether a free looks for faults. A parameter of the fast path that the compiler knows, so that what is switched off is not there.</summary>
internal interface IFreeFaults
{
    /// <summary>Whether they are looked for.</summary>
    static abstract bool AreNamed { get; }
}

/// <summary>Foreign frees, frees of what is no block's start and double frees are found and named. What every allocator does.</summary>
internal readonly struct FaultsNamed : IFreeFaults
{
    /// <inheritdoc/>
    public static bool AreNamed => true;
}

/// <summary>None is looked for: a wrong address destroys the allocator. For benchmarks, to be compared with.</summary>
internal readonly struct FaultsUnseen : IFreeFaults
{
    /// <inheritdoc/>
    public static bool AreNamed => false;
}
