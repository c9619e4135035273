using DimensionStore.Memory;

namespace DimensionStore;

/// <summary>
/// Memory of closed stores that a reader still held when its store closed. It is rooted here, so that no finalizer of a file handle can unmap it, and given back
/// when a collection finds that every bracket has closed. Thread-safe.
/// </summary>
/// <remarks>A finalizer on the regions themselves was rejected: objects that become unreachable together are finalized together, so re-registering one would not keep the others.</remarks>
internal static class ParkingLot
{
    private static readonly Lock s_gate = new();
    private static readonly List<Action> s_pending = [];

    /// <summary>Number of closed stores whose memory waits.</summary>
    public static int Count
    {
        get
        {
            lock (s_gate)
            {
                return s_pending.Count;
            }
        }
    }

    /// <summary>Leaves memory here.</summary>
    /// <param name="free">Gives it back; called once, when no bracket is open that was open before.</param>
    public static void Leave(Action free)
    {
        lock (s_gate)
        {
            s_pending.Add(free);
            if (s_pending.Count == 1)
            {
                _ = new Collector();
            }
        }
    }

    /// <summary>Gives back what can be given back now.</summary>
    /// <returns>True when nothing waits any more.</returns>
    public static bool TryEmpty(TimeSpan timeout)
    {
        Action[] pending;
        lock (s_gate)
        {
            pending = [.. s_pending];
        }

        if (pending.Length == 0)
        {
            return true;
        }

        if (!ReaderRegistry.TryDrain(timeout))
        {
            return false;
        }

        bool empty;
        List<Action> mine = [];
        lock (s_gate)
        {
            // Two threads may have drained at once: each memory is given back by the one that takes it off the list.
            mine.AddRange(pending.Where(s_pending.Remove));
            empty = s_pending.Count == 0;
        }

        mine.ForEach(static free => free());
        return empty;
    }

    /// <summary>Tries again at each collection for as long as something waits.</summary>
    private sealed class Collector
    {
        ~Collector()
        {
            if (!TryEmpty(TimeSpan.Zero))
            {
                GC.ReRegisterForFinalize(this);
            }
        }
    }
}
