namespace DimensionStore.Memory;

/// <summary>Who owns which block, for a layer above allocators that do not remember it. Only blocks with an owner are in it. Thread-safe; 16 parts, each with a lock of its own.</summary>
internal sealed class BlockOwners
{
    private const int Parts = 16;

    private readonly Dictionary<nint, int>[] _parts = [.. Enumerable.Range(0, Parts).Select(static _ => new Dictionary<nint, int>())];
    private int _count;

    /// <summary>Whether no block is in it. A look at one word.</summary>
    internal bool IsEmpty => Volatile.Read(ref _count) == 0;

    /// <summary>Notes whose a block is from now on; that of nobody is forgotten, and so is one for which the GC heap has no room: what is told of it then names nobody, which is better than to lose the block.</summary>
    internal void Set(nint address, OwnerId owner)
    {
        Dictionary<nint, int> part = PartOf(address);
        lock (part)
        {
            int before = part.Count;
            part.Remove(address);
            if (owner != OwnerId.None && TableRoom.TryMake(part, 1))
            {
                part.Add(address, owner.Value);
            }

            Interlocked.Add(ref _count, part.Count - before);
        }
    }

    /// <summary>Forgets a block and says whose it was.</summary>
    internal OwnerId Take(nint address)
    {
        Dictionary<nint, int> part = PartOf(address);
        lock (part)
        {
            if (!part.Remove(address, out int owner))
            {
                return OwnerId.None;
            }

            Interlocked.Decrement(ref _count);
            return new OwnerId(owner);
        }
    }

    /// <summary>Forgets all.</summary>
    internal void Clear()
    {
        foreach (Dictionary<nint, int> part in _parts)
        {
            lock (part)
            {
                Interlocked.Add(ref _count, -part.Count);
                part.Clear();
            }
        }
    }

    // Blocks lie at multiples of 16 at least, so the lowest bits tell nothing.
    private Dictionary<nint, int> PartOf(nint address) => _parts[(int)((nuint)address >> 4) & (Parts - 1)];
}
