namespace DimensionStore.Memory;

/// <summary>
/// Decides when memory that readers may still hold can be unmapped. Readers bracket their access with two plain stores to a slot of their own thread;
/// a reclaimer pays a process-wide barrier and waits for the brackets that were open.
/// </summary>
public static class ReaderRegistry
{
    /// <summary>Opens a bracket on this thread. Brackets nest. Close it on the same thread; it must not cross an await.</summary>
    public static ReadBracket Enter() => throw new NotImplementedException();

    /// <summary>Waits until every bracket that was open at the call, on any other thread, is closed.</summary>
    /// <returns>False when <paramref name="timeout"/> passed first.</returns>
    public static bool TryDrain(TimeSpan timeout) => throw new NotImplementedException();
}
