namespace DimensionStore.PowerShell;

/// <summary>
/// The stores open in this process, the last opened at the end. Process-wide rather than per runspace, so that
/// <c>ForEach-Object -Parallel</c> finds the store its caller opened. Thread-safe.
/// </summary>
internal static class OpenStores
{
    private static readonly Lock Gate = new();
    private static readonly List<DimensionStoreSession> Sessions = [];
    private static int _lastNumber;

    /// <summary>The store used when none is named: the last opened of those still open.</summary>
    public static DimensionStoreSession? Default
    {
        get
        {
            lock (Gate)
            {
                return Sessions.Count == 0 ? null : Sessions[^1];
            }
        }
    }

    /// <summary>All open stores, in the order of opening.</summary>
    public static DimensionStoreSession[] All
    {
        get
        {
            lock (Gate)
            {
                return [.. Sessions];
            }
        }
    }

    /// <summary>Takes a store in and makes it the default.</summary>
    public static DimensionStoreSession Add(MmapManager manager)
    {
        lock (Gate)
        {
            DimensionStoreSession session = new(++_lastNumber, manager);
            Sessions.Add(session);
            return session;
        }
    }

    /// <summary>Closes a store; a second call does nothing.</summary>
    public static void Close(DimensionStoreSession session)
    {
        lock (Gate)
        {
            Sessions.Remove(session);
        }

        session.CloseCore();
    }
}
