using System.Numerics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>What needs every heap at once: trim, reset, dispose.</summary>
internal sealed unsafe partial class SlabEngine
{
    /// <summary>Keeps every thread out of its heap until <see cref="LetThreadsGoLocked"/>; they come to the lock instead.</summary>
    internal void StopThreadsLocked()
    {
        foreach (nint heap in _heaps)
        {
            if (heap != 0)
            {
                Volatile.Write(ref ((SlabHeap*)heap)->OpenFor, 0);
            }
        }

        AwaitShutHeaps();
    }

    /// <summary>Waits until no thread is inside a heap that was shut. With the lock.</summary>
    private void AwaitShutHeaps()
    {
        VirtualMemory.ProcessWideBarrier();
        foreach (nint heap in _heaps)
        {
            PatientWait wait = default;
            while (heap != 0 && ((SlabHeap*)heap)->OpenFor == 0 && SlabHeap.IsBusy((SlabHeap*)heap))
            {
                wait.SpinOnce();
            }

            wait.End();
        }
    }

    internal void LetThreadsGoLocked()
    {
        foreach (nint heap in _heaps)
        {
            if (heap != 0)
            {
                Volatile.Write(ref ((SlabHeap*)heap)->OpenFor, Id);
            }
        }
    }

    /// <summary>Gives back every unit that holds no live block, whichever heap has it.</summary>
    /// <returns>Bytes decommitted; the caller refunds them once no lock is held.</returns>
    internal long TrimLocked()
    {
        StopThreadsLocked();
        foreach (nint address in _heaps)
        {
            if (address != 0)
            {
                CollectAll((SlabHeap*)address);
                RetireEmpty((SlabHeap*)address);
            }
        }

        LetThreadsGoLocked();
        long returned = _chunks.DecommitIdle();
        _givingBack.Trimmed(ResidentBytes);
        return returned;
    }

    /// <summary>Like <see cref="TrimLocked"/>, taking the lock; false when the allocator is disposed.</summary>
    internal bool TryTrim(out long returned)
    {
        lock (Gate)
        {
            returned = _disposed ? 0 : TrimLocked();
            return !_disposed;
        }
    }

    /// <summary>Gives idle memory back so that a request that went over the limit may be tried again.</summary>
    private bool Reclaim()
    {
        long returned;
        lock (Gate)
        {
            ThrowIfDisposed();
            returned = TrimLocked();
        }

        _memory.Refund(returned);
        return returned > 0;
    }

    /// <summary>Frees everything. The places remember that blocks were there.</summary>
    internal void ResetLocked()
    {
        StopThreadsLocked();
        RaisePeakLocked();
        foreach (nint address in _heaps)
        {
            SlabHeap* heap = (SlabHeap*)address;
            for (uint i = 0; heap != null && i < (uint)_classes.Length; i++)
            {
                Unclaim(SlabHeap.Bin(heap, i));
            }
        }

        for (int unit = 0; unit < _chunks.UsedUnits; unit++)
        {
            Slab* slab = _units[unit].Slab;
            if (slab != null)
            {
                SlabBin* bin = _units[unit].Bin;
                bin->Freed += CountLive(slab);
                unit = slab->FirstUnit + slab->Units - 1;
                Forget(slab);
            }
        }

        foreach (nint address in _heaps)
        {
            SlabHeap* heap = (SlabHeap*)address;
            if (heap != null)
            {
                ClearLists(heap);
            }
        }

        LetThreadsGoLocked();
    }

    /// <summary>Gives the bookkeeping back. Blocks that are live become invalid; the caller gives their memory back.</summary>
    internal void DisposeLocked()
    {
        StopThreadsLocked();
        _disposed = true;
        nint[] heaps = _heaps;
        _heaps = [];
        for (int slot = 0; slot < heaps.Length; slot++)
        {
            if (heaps[slot] != 0)
            {
                SlabHeapMemory.Return(slot, (SlabHeap*)heaps[slot]);
            }
        }

        _arena.Dispose();
    }

    public void Dispose()
    {
        lock (Gate)
        {
            if (!_disposed)
            {
                DisposeLocked();
            }
        }
    }

    private void CollectAll(SlabHeap* heap)
    {
        while (heap->Collecting != null || heap->Pending != 0)
        {
            if (heap->Collecting == null)
            {
                heap->Collecting = (Slab*)Interlocked.Exchange(ref heap->Pending, 0);
            }

            Slab* slab = heap->Collecting;
            heap->Collecting = slab->NextPending;
            slab->Pending = 0;
        }

        // All slabs and not only those announced: an announcement is a hint, and this is the sweep that needs none.
        for (int unit = 0; unit < _chunks.UsedUnits; unit++)
        {
            Slab* slab = _units[unit].Slab;
            if (slab != null)
            {
                unit = slab->FirstUnit + slab->Units - 1;
                if (_units[unit].Heap == heap)
                {
                    Collect(heap, _units[unit].Bin, slab);
                }
            }
        }
    }

    /// <summary>Gives back what a heap has no live block in, the slabs it allocates from included.</summary>
    private void RetireEmpty(SlabHeap* heap)
    {
        RetireLocked(heap);
        for (uint i = 0; i < (uint)_classes.Length; i++)
        {
            SlabBin* bin = SlabHeap.Bin(heap, i);
            RetireEmptyCurrent(bin);
            Slab* slab = SlabBin.Slabs(bin)->First;
            Slab* last = slab == null ? null : slab->Previous;
            while (slab != null)
            {
                Slab* next = slab == last ? null : slab->Next;
                if (slab->Used == 0)
                {
                    RetireListed(bin, slab);
                }

                slab = next;
            }
        }
    }

    /// <summary>Gives the slab back that a bin allocates from, if no block of it is live.</summary>
    private void RetireEmptyCurrent(SlabBin* bin)
    {
        Slab* current = SlabBin.Slabs(bin)->Current;
        if (current != null && current->Used == BitOperations.PopCount(SlabBin.ClaimedBlocks(bin)))
        {
            Unclaim(bin);
            LeaveCurrent(bin);
            SlabBin.Slabs(bin)->Count--;
            Forget(current);
        }
    }

    private void RetireListed(SlabBin* bin, Slab* slab)
    {
        Unlist(SlabBin.Slabs(bin), slab);
        SlabBin.Slabs(bin)->Count--;
        Forget(slab);
    }

    /// <summary>Puts the claimed blocks of a bin back to their slab.</summary>
    private static void Unclaim(SlabBin* bin)
    {
        SlabBin.Reuse(bin);
        BinSlabs* slabs = SlabBin.Slabs(bin);
        ulong mask = bin->Mask | slabs->TaggedMask;
        if (mask == 0)
        {
            return;
        }

        Slab* current = slabs->Current;
        int group = bin->Mask != 0 ? (int)((bin->GroupStates - Slab.States(current)) / 64) : slabs->TaggedGroup;
        int count = BitOperations.PopCount(mask);
        current->GroupMask |= 1UL << group;
        current->Used -= count;
        slabs->Claimed -= count;
        bin->Mask = 0;
        slabs->TaggedMask = 0;
    }

    private void ClearLists(SlabHeap* heap)
    {
        heap->Retiring = null;
        heap->RetiringUnits = 0;
        for (uint i = 0; i < (uint)_classes.Length; i++)
        {
            SlabBin* bin = SlabHeap.Bin(heap, i);
            BinSlabs* slabs = SlabBin.Slabs(bin);
            slabs->First = null;
            slabs->Current = null;
            slabs->Count = 0;
            bin->GroupStates = null;
        }
    }

    private static int CountLive(Slab* slab)
    {
        byte* states = Slab.States(slab);
        int live = 0;
        for (int i = 0; i < slab->Capacity; i++)
        {
            live += states[i] >> 7;
        }

        return live;
    }
}
