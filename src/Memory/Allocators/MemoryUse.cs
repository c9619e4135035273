namespace DimensionStore.Memory;

/// <summary>
/// Counts who touches an allocator's memory on its own behalf and outside its locks, to zero a block for example, so that dispose can wait for them before the memory goes, and reset before it is somebody else's. One place, and so for what
/// takes longer than two interlocked operations; what happens in a lock or in a thread's own heap needs none of it. A mutable structure: a field, never copied.
/// </summary>
internal struct MemoryUse
{
    private int _state;

    /// <summary>Begins to use the memory; false when it is gone, or about to be. Thread-safe.</summary>
    internal bool TryEnter()
    {
        if (Interlocked.Increment(ref _state) > 0)
        {
            return true;
        }

        Interlocked.Decrement(ref _state);
        return false;
    }

    /// <summary>Ends a use that has begun.</summary>
    internal void Exit() => Interlocked.Decrement(ref _state);

    /// <summary>Waits for those who are there. Under the lock in which uses begin, so that none begins meanwhile.</summary>
    internal readonly void Await()
    {
        PatientWait wait = default;
        while ((Volatile.Read(in _state) & int.MaxValue) != 0)
        {
            wait.SpinOnce();
        }

        wait.End();
    }

    /// <summary>Lets nobody in any more, and waits for those who are there. May be called again.</summary>
    internal void Close()
    {
        Interlocked.Or(ref _state, int.MinValue);
        Await();
    }
}
