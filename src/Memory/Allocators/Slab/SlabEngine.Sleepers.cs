namespace DimensionStore.Memory;

/// <summary>Heaps whose threads do nothing with them, while other threads free their blocks.</summary>
internal sealed unsafe partial class SlabEngine
{
    // While a thread is kept out of its heap: some tens of microseconds.
    private const int CollectWhileStopped = 256;

    /// <summary>
    /// Before a heap takes memory that nobody has used yet: counts for other heaps what was freed in their slabs, and gives the empty ones back, so that they serve instead. A heap's thread does so
    /// itself when it needs blocks, but one that sleeps, or has ended, needs none, and what it allocated for others would stay as it is. Only heaps that had slabs pending the last time too and whose
    /// threads have not looked since: to keep a thread out of its heap takes a process-wide barrier, some microseconds. With the lock.
    /// </summary>
    private void CollectFromSleepers(SlabHeap* growing)
    {
        bool isAny = false;
        foreach (nint address in _heaps)
        {
            SlabHeap* heap = (SlabHeap*)address;
            if (heap == null || heap == growing)
            {
                continue;
            }

            bool isPending = Volatile.Read(ref heap->Pending) != 0 || heap->Collecting != null;
            if (isPending && heap->IsLeftPending)
            {
                Volatile.Write(ref heap->OpenFor, 0);
                isAny = true;
            }

            heap->IsLeftPending = isPending;
        }

        if (!isAny)
        {
            return;
        }

        AwaitShutHeaps();
        foreach (nint address in _heaps)
        {
            SlabHeap* heap = (SlabHeap*)address;
            if (heap == null || heap->OpenFor != 0)
            {
                continue;
            }

            for (int collected = 0; collected < CollectWhileStopped && TryCollectNext(heap); collected++)
            {
            }

            RetireLocked(heap);
            RetireLastEmpty(heap, except: null);
        }

        LetThreadsGoLocked();
    }
}
