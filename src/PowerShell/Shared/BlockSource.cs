using System.Collections.Concurrent;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>What blocks come from: an allocator made with <c>New-MemoryAllocator</c>, or the pool of a store.</summary>
public abstract class BlockSource
{
    // An address is used again, and an object that names a block is kept for as long as a script likes: so each block that a script allocates has a number, and so has its object.
    private readonly ConcurrentDictionary<long, long> _lives = new();
    private long _lastLife;

    // Only the two below: what a cmdlet does with blocks is the same for both.
    private protected BlockSource()
    {
    }

    /// <summary>Whether it can be used.</summary>
    public abstract bool IsOpen { get; }

    /// <summary>Held while the bytes of blocks are touched or given back, so that no read meets a block that is just being freed.</summary>
    internal Lock BlockGate { get; } = new();

    /// <summary>Where blocks are allocated and freed.</summary>
    internal abstract MemoryAllocator Blocks { get; }

    /// <summary>What its memory is charged to.</summary>
    internal abstract MemoryBudget MemoryBudget { get; }

    /// <summary>Numbers a block that was just allocated.</summary>
    internal long BeginLife(long address)
    {
        long life = Interlocked.Increment(ref _lastLife);
        _lives[address] = life;
        return life;
    }

    /// <summary>The number of the block that a script allocated at an address last and did not remove; 0 for none.</summary>
    internal long LifeAt(long address) => _lives.GetValueOrDefault(address);

    /// <summary>Forgets the block at an address, which was freed.</summary>
    internal void EndLife(long address) => _lives.TryRemove(address, out _);

    /// <summary>Forgets all blocks, which were freed at once.</summary>
    internal void EndLives() => _lives.Clear();

    /// <summary>Whether blocks of this owner are held by the source itself, so that nobody else may touch or free them.</summary>
    internal virtual bool HoldsBlocksOf(OwnerId owner) => false;

    /// <summary>Whether the block that begins at an address now is held by the source itself, whoever had that address before.</summary>
    internal virtual bool HoldsBlockAt(long address) => false;

    /// <summary>The name by which Get-MemStats and maps show it.</summary>
    internal abstract string ShownName { get; }

    /// <summary>What it is, for questions before a change: "allocator a", "the pool of /data".</summary>
    internal abstract string Describe();
}
