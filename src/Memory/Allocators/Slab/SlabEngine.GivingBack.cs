using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// Memory that nothing needs any more. While other memory is needed, empty slabs go back to the units, which serve every size, and pages without a live block to the system, in proportion to
/// what is taken from it; <c>Trim</c> gives all such pages back.
/// </summary>
internal sealed unsafe partial class SlabEngine
{
    // In one allocation: a look at a slab takes some tens of nanoseconds, a call some microseconds.
    private const int SlabsAtOnce = 32;
    private const int CallsAtOnce = 4;

    // More where the allocation is a large one, whose pages cost more than the calls.
    private const int BytesPerCall = 16 << 10;

    // While every thread is kept out of its heap: some hundred microseconds.
    private const int CallsWhileStopped = 64;
    private const int SlabsWhileStopped = 256;

    // A quarter live or less.
    private const int SparseShare = 4;

    private GivingBackRule _givingBack;
    private long _seenTakenPages;

    /// <summary>Bytes of pages that were given back so far while their slab stayed, or while free units stayed committed.</summary>
    internal long DiscardedBytes { get; private set; }

    /// <summary>
    /// Before a heap takes memory that nobody has used yet: gives the slabs back in which a bin has no live block, so that they serve instead. Without this, every size that was ever used keeps
    /// a slab. Every second time the heap grows all the same: a program that uses several sizes in turn, one block of each at a time, would else pay for a slab with each block for ever; as it is, each of
    /// its sizes has a slab in the end, and nothing is asked for any more. With the lock.
    /// </summary>
    /// <param name="heap">The heap.</param>
    /// <param name="growing">The bin that gets a slab.</param>
    private void RetireUnused(SlabHeap* heap, SlabBin* growing)
    {
        heap->RetiredLast = !heap->RetiredLast;
        if (heap->RetiredLast)
        {
            RetireLastEmpty(heap, growing);
        }
    }

    /// <summary>Gives the last empty slab of each bin back, which is kept at hand otherwise. With the lock, by the heap's thread or while it is stopped.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="except">A bin that keeps its own, or null.</param>
    private void RetireLastEmpty(SlabHeap* heap, SlabBin* except)
    {
        for (uint i = 0; i < (uint)_classes.Length; i++)
        {
            SlabBin* bin = SlabHeap.Bin(heap, i);
            if (bin == except)
            {
                continue;
            }

            // One that was kept when it became empty was alone in its list, and so is the first: nothing is searched for.
            RetireEmptyCurrent(bin);
            Slab* first = SlabBin.Slabs(bin)->First;
            if (first != null && first->Used == 0)
            {
                RetireListed(bin, first);
            }
        }
    }

    /// <summary>
    /// Where memory is taken from the system: gives pages back that hold no live block, of units that no slab has and of this heap's slabs, as much as <see cref="GivingBackRule"/> allows. With the
    /// lock, by the heap's thread.
    /// </summary>
    /// <param name="heap">The heap, or null for none.</param>
    /// <param name="units">How many units have just taken memory.</param>
    private void GiveBackWhileGrowing(SlabHeap* heap, int units)
    {
        long taken = (long)units << SlabChunks.UnitShift;
        if (Beside != null)
        {
            long pages = Beside.TakenPages;
            taken += (pages - _seenTakenPages) * VirtualMemory.PageSize;
            Volatile.Write(ref _seenTakenPages, pages);
        }

        _givingBack.Taken(taken, ResidentBytes);
        long more = taken / BytesPerCall;
        long calls = 0;
        long mostCalls = CallsAtOnce + more;
        while (calls < mostCalls && _givingBack.IsDue(SlabChunks.UnitBytes) && _chunks.DiscardIdle(_givingBack.AllowanceBytes) is long idle and > 0)
        {
            _givingBack.Given(idle);
            DiscardedBytes += idle;
            calls++;
        }

        int end = _chunks.UsedUnits;
        long mostLooks = Math.Min(end, SlabsAtOnce + more);
        for (long looked = 0; heap != null && looked < mostLooks && calls < mostCalls && _givingBack.IsDue(VirtualMemory.PageSize); looked++)
        {
            int unit = heap->SweptUnit < end ? heap->SweptUnit : 0;
            Slab* slab = _units[unit].Slab;
            heap->SweptUnit = slab == null ? unit + 1 : slab->FirstUnit + slab->Units;
            if (slab != null && _units[unit].Heap == heap && IsUnused(_units[unit].Bin, slab))
            {
                _givingBack.Given(DiscardFreePages(slab, _givingBack.AllowanceBytes, ref calls));
            }
        }
    }

    // About what is resident: the pages of slabs that were given back, or not touched yet, are counted.
    private long ResidentBytes => ((long)_chunks.ResidentUnits << SlabChunks.UnitShift) + (Beside?.UsedBytes ?? 0);

    /// <summary>Whether nothing was allocated from a slab since this was asked last. What was, is likely to be wanted again soon: second chance, as in the clock algorithm (Corbató, 1968).</summary>
    private static bool IsUnused(SlabBin* bin, Slab* slab)
    {
        byte use = slab->Place == SlabPlace.Current ? (byte)(SlabBin.Slabs(bin)->Claimed + bin->Reused) : (byte)1;
        bool isSame = use == slab->SeenUse;
        slab->SeenUse = use;
        return isSame;
    }

    /// <summary>Gives pages of the allocator beside back with what is left of the allowance. Outside the lock.</summary>
    internal void GiveBackBeside()
    {
        if (Beside == null || !_givingBack.IsDue(PageAllocator.LeastGiveBackBytes))
        {
            return;
        }

        long allowance;
        lock (Gate)
        {
            allowance = _givingBack.HandOver();
        }

        long given = 0;
        try
        {
            Beside.GiveBackUsed(allowance, CallsAtOnce, out given);
        }
        finally
        {
            lock (Gate)
            {
                _givingBack.Given(given - allowance);
            }
        }
    }

    /// <summary>
    /// Gives every page back that holds no live block and held one, whichever heap has it; they stay committed. Some slabs at a time, so that no thread waits for all of them. Takes the lock.
    /// </summary>
    /// <returns>Bytes given back.</returns>
    internal long DiscardUnused()
    {
        long discarded = 0;
        bool isDone = _keepsContents;
        for (int unit = 0; !isDone;)
        {
            lock (Gate)
            {
                if (_disposed)
                {
                    return discarded;
                }

                StopThreadsLocked();
                int end = _chunks.UsedUnits;
                int looked = 0;
                for (long calls = 0; unit < end && calls < CallsWhileStopped && looked < SlabsWhileStopped; looked++)
                {
                    Slab* slab = _units[unit].Slab;
                    unit = slab == null ? unit + 1 : slab->FirstUnit + slab->Units;
                    if (slab != null)
                    {
                        discarded += DiscardFreePages(slab, long.MaxValue, ref calls);
                    }
                }

                isDone = unit >= end;
                _givingBack.Trimmed(ResidentBytes);
                LetThreadsGoLocked();
            }
        }

        return discarded;
    }

    /// <summary>
    /// Discards pages of a slab on which no block is live and some block was before. Their free blocks are marked, so that the others of their group are claimed first and their pages not discarded again. Other
    /// threads may free blocks meanwhile, but nobody may allocate: the heap is this thread's, or stopped.
    /// </summary>
    /// <param name="slab">The slab.</param>
    /// <param name="most">The most bytes; <see cref="long.MaxValue"/> for all.</param>
    /// <param name="calls">Counts the calls of the system.</param>
    /// <returns>Bytes discarded.</returns>
    private long DiscardFreePages(Slab* slab, long most, ref long calls)
    {
        bool isAll = most == long.MaxValue;

        // Claimed blocks count as used: not worth the look while memory grows.
        if (_keepsContents || (!isAll && (long)(slab->Capacity - slab->Used) * _classes[slab->Class].BlockBytes < SlabPages.PageBytes))
        {
            return 0;
        }

        SlabPages pages = PagesOf(slab);
        nint start = AddressOf(slab->FirstUnit);
        long discarded = 0;
        int runStart = 0;

        // A call for one page is worth while where a few blocks hold a slab and single pages are all there is, and when everything is to go.
        int least = isAll || slab->Used <= slab->Capacity / SparseShare ? 1 : 2;
        for (int page = 0; page <= pages.Count; page++)
        {
            bool isIdle = page < pages.Count && pages.UseOf(page) == SlabPageUse.Idle;
            bool isCut = isIdle && (page + 1L - runStart) * SlabPages.PageBytes > most - discarded;
            if (isIdle && !isCut)
            {
                continue;
            }

            if (page - runStart >= least)
            {
                // What the system refuses is marked too, so as not to ask for ever.
                long bytes = (long)(page - runStart) * SlabPages.PageBytes;
                BlockMemory.TryDiscard(start + (runStart * (nint)SlabPages.PageBytes), bytes);
                pages.MarkDiscarded(runStart, page, keepsLast: isCut);
                discarded += bytes;
                calls++;
            }

            if (isCut)
            {
                break;
            }

            runStart = page + 1;
        }

        DiscardedBytes += discarded;
        return discarded;
    }

    private SlabPages PagesOf(Slab* slab) => new(slab, _classes[slab->Class].BlockBytes, (int)(StartOf(slab) - AddressOf(slab->FirstUnit)));
}
