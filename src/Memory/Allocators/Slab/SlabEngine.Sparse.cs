using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// Slabs that nothing or little needs any more, while others grow: an empty one goes back to the units, which serve every size; of those that a few
/// live blocks hold after a peak, the free pages go back while the slab stays.
/// </summary>
internal sealed unsafe partial class SlabEngine
{
    // A quarter live or less: of a page of small blocks little chance to be free is left above that.
    private const int SparseShare = 4;

    // For each slab that is added, so that memory which grows pays for memory which is no longer needed, and no allocation for much of it: a slab costs some microseconds.
    private const int DiscardAtOnce = 2;
    private const int LookAtOnce = 16;

    private const int GrowthsBetween = 1;

    /// <summary>
    /// Before a heap takes memory that nobody has used yet: gives the slabs back in which a bin has no live block, so that they serve instead. Without this, every size that was ever used keeps
    /// a slab. In between the heap grows all the same: a program that uses several sizes in turn, one block of each at a time, would else pay for a slab with each block for ever; as it is, each of
    /// its sizes has a slab in the end, and nothing is asked for any more. With the lock.
    /// </summary>
    /// <param name="heap">The heap.</param>
    /// <param name="growing">The bin that gets a slab.</param>
    private void RetireUnused(SlabHeap* heap, SlabBin* growing)
    {
        if (heap->RetireAfter > 0)
        {
            heap->RetireAfter--;
            return;
        }

        heap->RetireAfter = GrowthsBetween;
        for (uint i = 0; i < (uint)_classes.Length; i++)
        {
            SlabBin* bin = SlabHeap.Bin(heap, i);
            if (bin == growing)
            {
                continue;
            }

            // One that was kept when it became empty was alone in its list, and so is the first: nothing is searched for.
            RetireEmptyCurrent(bin);
            if (bin->First != null && bin->First->Used == 0)
            {
                RetireListed(bin, bin->First);
            }
        }
    }

    /// <summary>Discards the free pages of some sparse slabs of a heap. With the lock.</summary>
    private void DiscardSparse(SlabHeap* heap)
    {
        int discarded = 0;
        for (int looked = 0; looked < LookAtOnce && discarded < DiscardAtOnce; looked++)
        {
            SlabBin* bin = SlabHeap.Bin(heap, heap->SparseClass);
            Slab* slab = bin->First;
            if (slab == null || slab == bin->Last || slab->IsDiscarded || slab->Used > slab->Capacity / SparseShare)
            {
                heap->SparseClass = heap->SparseClass + 1 == (uint)_classes.Length ? 0 : heap->SparseClass + 1;
            }

            if (slab == null || slab == bin->Last)
            {
                continue;
            }

            if (!slab->IsDiscarded && slab->Used <= slab->Capacity / SparseShare)
            {
                DiscardFreePages(slab, (int)bin->BlockBytes);
                discarded++;
            }

            // To the end: what is allocated from next is a fuller slab, and this one may become empty.
            Unlist(bin, slab);
            List(bin, slab);
        }
    }

    private void DiscardFreePages(Slab* slab, int blockBytes)
    {
        byte* states = Slab.States(slab);
        slab->IsDiscarded = true;
        nint start = AddressOf(slab->FirstUnit);
        int colour = (int)(_units[slab->FirstUnit].Start - start);
        int page = VirtualMemory.PageSize;
        int bytes = slab->Units * SlabChunks.UnitBytes;
        int runStart = 0;
        for (int at = 0; at <= bytes; at += page)
        {
            if (at < bytes && IsFree(states, Math.Max(0, at - colour) / blockBytes, Math.Min(slab->Capacity - 1, (at + page - 1 - colour) / blockBytes)))
            {
                continue;
            }

            if (at > runStart)
            {
                Discard(start + runStart, at - runStart);
            }

            runStart = at + page;
        }
    }

    private static void Discard(nint address, int bytes)
    {
        try
        {
            VirtualMemory.Discard(address, (nuint)bytes);
        }
        catch (VirtualMemoryException)
        {
            // The memory stays resident then, which is what it would be without asking. The allocation that this is a part of must not fail for it.
        }
    }

    private static bool IsFree(byte* states, int first, int last)
    {
        for (int i = first; i <= last; i++)
        {
            if (states[i] is not (BlockState.Fresh or BlockState.Free or BlockState.Stale))
            {
                return false;
            }
        }

        return true;
    }
}
