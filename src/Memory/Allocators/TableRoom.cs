namespace DimensionStore.Memory;

/// <summary>
/// Makes room in managed tables for what is about to be noted there, before anything has changed: where the GC heap is full, the call fails and all is as it was. A table that grew only as the note
/// is made would lose the block that it is about, which by then has left its place.
/// </summary>
/// <remarks>
/// Tables double, so that blocks pay for growth together; a dictionary that is told a capacity grows to that alone. Under the lock of the table. Also lets a test make growth fail on its own thread: the check
/// comes only where a table grows.
/// </remarks>
internal static class TableRoom
{
    [ThreadStatic]
    private static int t_growthsUntilFailure;

    /// <summary>0: no growth fails. N: the Nth growth of a table from now fails on this thread, and each after it, as if the GC heap were full; then it is negative.</summary>
    internal static int FailNthGrowth
    {
        get => t_growthsUntilFailure;
        set => t_growthsUntilFailure = value;
    }

    /// <summary>Makes room for so many entries more.</summary>
    /// <exception cref="OutOfMemoryException">The GC heap is full; nothing has changed.</exception>
    internal static void Make<TKey, TValue>(Dictionary<TKey, TValue> table, int more)
        where TKey : notnull
    {
        if (more > table.Capacity - table.Count)
        {
            table.EnsureCapacity(Grown(table.Count, more, table.Capacity));
        }
    }

    /// <summary>Makes room for so many entries more; false, with nothing changed, where the GC heap is full.</summary>
    internal static bool TryMake<TKey, TValue>(Dictionary<TKey, TValue> table, int more)
        where TKey : notnull
    {
        try
        {
            Make(table, more);
            return true;
        }
        catch (OutOfMemoryException)
        {
            return false;
        }
    }

    /// <inheritdoc cref="Make{TKey, TValue}(Dictionary{TKey, TValue}, int)"/>
    internal static void Make<T>(HashSet<T> table, int more)
    {
        if (more > table.Capacity - table.Count)
        {
            table.EnsureCapacity(Grown(table.Count, more, table.Capacity));
        }
    }

    /// <inheritdoc cref="Make{TKey, TValue}(Dictionary{TKey, TValue}, int)"/>
    internal static void Make<T>(Stack<T> table, int more)
    {
        if (more > table.Capacity - table.Count)
        {
            table.EnsureCapacity(Grown(table.Count, more, table.Capacity));
        }
    }

    /// <inheritdoc cref="Make{TKey, TValue}(Dictionary{TKey, TValue}, int)"/>
    internal static void Make<T>(List<T> table, int more)
    {
        if (more > table.Capacity - table.Count)
        {
            table.EnsureCapacity(Grown(table.Count, more, table.Capacity));
        }
    }

    /// <summary>Lets a test make an allocation of managed memory fail that is no table's.</summary>
    internal static void OnGrowth()
    {
        if (t_growthsUntilFailure != 0 && --t_growthsUntilFailure <= 0)
        {
            t_growthsUntilFailure = -1;
            throw new InsufficientMemoryException("failure injected by a test");
        }
    }

    private static int Grown(int count, int more, int capacity)
    {
        OnGrowth();
        return (int)Math.Clamp(2L * capacity, count + (long)more, Math.Max(Array.MaxLength, count + (long)more));
    }
}
