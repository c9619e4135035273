using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>
/// The allocators made in this process and not yet removed, in the order they were made. Process-wide for the same reason as <see cref="OpenStores"/>. Thread-safe.
/// </summary>
internal static class OpenAllocators
{
    private static readonly Lock Gate = new();
    private static readonly List<MemoryAllocatorSession> Sessions = [];
    private static int _lastNumber;

    // What dotnet-counters sees. Made with the first allocator, so that a session without any does not pay for it.
    private static AllocatorMeter? _meter;

    // What gives memory back for those who asked for it.
    private static BackgroundTrimmer? _trimmer;

    /// <summary>All of them.</summary>
    public static MemoryAllocatorSession[] All
    {
        get
        {
            lock (Gate)
            {
                return [.. Sessions];
            }
        }
    }

    /// <summary>The one of a name, whatever the case; null when there is none.</summary>
    public static MemoryAllocatorSession? Find(string name) =>
        Array.Find(All, session => string.Equals(session.Name, name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Those that a name or a pattern means.</summary>
    public static MemoryAllocatorSession[] Matching(string name) =>
        Patterns.IsPattern(name) ? Array.FindAll(All, session => Patterns.IsMatch(name, session.Name))
        : Find(name) is { } found ? [found] : [];

    /// <summary>A name that no allocator has: the kind and a number.</summary>
    public static string NextName(string kind)
    {
        lock (Gate)
        {
            string name;
            do
            {
                name = $"{kind}{++_lastNumber}";
            }
            while (Find(name) is not null);
            return name;
        }
    }

    /// <summary>Takes an allocator in, unless its name is taken.</summary>
    /// <param name="session">The allocator.</param>
    /// <param name="trimIdle">Whether it is to be trimmed by itself.</param>
    public static bool TryAdd(MemoryAllocatorSession session, bool trimIdle)
    {
        lock (Gate)
        {
            if (Find(session.Name) is not null)
            {
                return false;
            }

            _meter ??= new AllocatorMeter();
            Sessions.Add(session);
            AllocatorRegistry.Register(session.Blocks, session.Name);
            if (trimIdle)
            {
                _trimmer ??= new BackgroundTrimmer();
                _trimmer.Watch(session.Blocks);
            }

            return true;
        }
    }

    /// <summary>Disposes an allocator; a second call does nothing.</summary>
    public static void Remove(MemoryAllocatorSession session)
    {
        lock (Gate)
        {
            Sessions.Remove(session);
            _trimmer?.Unwatch(session.Blocks);
        }

        AllocatorRegistry.Unregister(session.Blocks);

        session.Close();
    }

    /// <summary>Removes all of them and ends what serves all of them.</summary>
    public static void Close()
    {
        foreach (MemoryAllocatorSession session in All)
        {
            Remove(session);
        }

        lock (Gate)
        {
            _meter?.Dispose();
            _meter = null;
            _trimmer?.Dispose();
            _trimmer = null;
        }
    }
}
