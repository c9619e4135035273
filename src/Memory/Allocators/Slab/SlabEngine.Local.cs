using System.Numerics;
using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>What a thread does with its own heap when the claimed blocks are used up or a slab changes its place. Inside the heap, or with the lock.</summary>
internal sealed unsafe partial class SlabEngine
{
    private const int NoTrigger = -1;

    /// <summary>How often what was put back serves again before more is claimed.</summary>
    internal const int ReusesPerClaim = 1024;

    // Slabs that others freed into, looked at in one allocation: each costs up to some hundred nanoseconds.
    private const int CollectAtOnce = 8;

    // Empty slabs go back together, because each return takes the lock.
    private const int RetireUnits = 16;

    /// <summary>Claims a group of free blocks for a bin, from the slab in use, else from another with free blocks, else from one that others freed into. False when the heap has none.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal bool Refill(SlabHeap* heap, SlabBin* bin)
    {
        BinSlabs* slabs = SlabBin.Slabs(bin);

        // Claimed blocks of a slab with tags are no use to who writes none, and there may be no second claim beside them.
        while (slabs->TaggedMask == 0)
        {
            Slab* slab = slabs->Current;
            if (slab != null && slab->GroupMask != 0)
            {
                ClaimGroup(bin, slab);
                return true;
            }

            if (slab != null)
            {
                LeaveCurrent(bin);
            }

            Slab* next = slabs->First;
            if (next != null)
            {
                Unlist(slabs, next);
                MakeCurrent(slabs, next);
            }
            else if (!CollectPending(heap, bin))
            {
                return false;
            }
        }

        return false;
    }

    private void ClaimGroup(SlabBin* bin, Slab* slab)
    {
        int group = BitOperations.TrailingZeroCount(slab->GroupMask);
        byte* states = Slab.States(slab) + (group * 64);

        // What others have freed is counted first, in Collect. Blocks that were live before come first: their memory is there.
        ulong free = FreeInGroup(slab, group);
        ulong used = free & BlockState.InState(states, BlockState.Free);
        ulong claimed = used != 0 ? Claim(bin, slab, group, free, used, bin->MostClaimed) : Claim(bin, slab, group, free, free, bin->MostUntouched);
        bin->GroupAddress = StartOf(slab) + (nint)((long)group * 64 * bin->BlockBytes);
        if (slab->Tags == null)
        {
            bin->Mask = claimed;
            bin->GroupStates = states;
        }
        else
        {
            BinSlabs* slabs = SlabBin.Slabs(bin);
            slabs->TaggedMask = claimed;
            slabs->TaggedGroup = (byte)group;
            bin->GroupStates = null;
        }
    }

    /// <summary>
    /// Claims as many blocks of the current group more as there are, up to what a claim may have: a bin whose few blocks were handed out and put back so often is worth the memory of more, since
    /// each round costs as much as several allocations.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void ClaimMore(SlabBin* bin)
    {
        int count = BitOperations.PopCount(bin->Mask);
        Slab* slab = SlabBin.Slabs(bin)->Current;
        int group = (int)((bin->GroupStates - Slab.States(slab)) / 64);
        ulong free = FreeInGroup(slab, group) & ~bin->Mask;
        bin->Mask |= Claim(bin, slab, group, free, free, Math.Clamp(bin->MostClaimed - count, 0, count));
    }

    private static ulong FreeInGroup(Slab* slab, int group) => BlockState.FreeOf64(Slab.States(slab) + (group * 64)) & Valid(slab->Capacity - (group * 64));

    /// <summary>Claims the lowest blocks of a group for a bin. The group's mark goes when no other is free.</summary>
    /// <param name="bin">The bin.</param>
    /// <param name="slab">Its slab.</param>
    /// <param name="group">The group.</param>
    /// <param name="free">The group's free blocks that are not claimed.</param>
    /// <param name="wanted">Those of them to choose from.</param>
    /// <param name="most">How many at most.</param>
    private static ulong Claim(SlabBin* bin, Slab* slab, int group, ulong free, ulong wanted, int most)
    {
        int count = Math.Min(BitOperations.PopCount(wanted), most);
        ulong claimed = count < BitOperations.PopCount(wanted) ? Lowest(wanted, count) : wanted;
        slab->GroupMask &= claimed == free ? ~(1UL << group) : ulong.MaxValue;
        slab->Used += count;
        SlabBin.Slabs(bin)->Claimed += count;
        bin->Reuses = 0;
        return claimed;
    }

    /// <summary>Hides the claimed blocks of a slab that has just got tags from the path that writes none.</summary>
    private static void HideClaimed(SlabBin* bin)
    {
        SlabBin.Reuse(bin);
        BinSlabs* slabs = SlabBin.Slabs(bin);
        slabs->TaggedMask = bin->Mask;
        slabs->TaggedGroup = (byte)((bin->GroupStates - Slab.States(slabs->Current)) / 64);
        bin->Mask = 0;
        bin->GroupStates = null;
    }

    /// <summary>Takes a claimed block of whichever kind, with its tag; 0 when none is claimed, or when the tag needs a table that is not there.</summary>
    /// <param name="bin">The bin.</param>
    /// <param name="size">Bytes asked for.</param>
    /// <param name="owner">Tag.</param>
    /// <param name="before">The block's state before.</param>
    private static nint TakeAny(SlabBin* bin, nuint size, OwnerId owner, out byte before)
    {
        SlabBin.Reuse(bin);
        BinSlabs* slabs = SlabBin.Slabs(bin);
        ulong mask = bin->Mask | slabs->TaggedMask;
        before = 0;
        if (mask == 0 || (bin->Mask != 0 && owner.Value != 0))
        {
            return 0;
        }

        int bit = BitOperations.TrailingZeroCount(mask);
        byte* state = (bin->Mask != 0 ? bin->GroupStates : BinSlabs.TaggedStates(slabs)) + bit;
        before = *state;
        if (bin->Mask != 0)
        {
            bin->Mask = mask & (mask - 1);
        }
        else
        {
            slabs->TaggedMask = mask & (mask - 1);
            slabs->Current->Tags[state - Slab.States(slabs->Current)] = owner.Value;
        }

        *state = BlockState.LiveFor(size, bin->BlockBytes, bin->SlackShift);
        return bin->GroupAddress + (nint)((long)bit * bin->BlockBytes);
    }

    /// <summary>The lowest so many bits of a mask that has more.</summary>
    private static ulong Lowest(ulong mask, int count)
    {
        ulong rest = mask;
        for (int i = 0; i < count; i++)
        {
            rest &= rest - 1;
        }

        return mask ^ rest;
    }

    private static ulong Valid(int blocks) => blocks >= 64 ? ulong.MaxValue : (1UL << blocks) - 1;

    private static void MakeCurrent(BinSlabs* slabs, Slab* slab)
    {
        slab->Place = SlabPlace.Current;
        slab->Trigger = NoTrigger;
        slab->SeenUse = 0;
        slabs->Current = slab;
    }

    /// <summary>Lets go of the slab in use, which has no free block any more.</summary>
    private static void LeaveCurrent(SlabBin* bin)
    {
        BinSlabs* slabs = SlabBin.Slabs(bin);
        Slab* slab = slabs->Current;
        slabs->Current = null;
        bin->GroupStates = null;
        slab->Place = SlabPlace.Full;
        slab->Trigger = slab->Capacity - 1;
    }

    private static void List(BinSlabs* slabs, Slab* slab)
    {
        slab->Place = SlabPlace.Listed;
        slab->Trigger = 0;
        Slab* first = slabs->First;
        if (first == null)
        {
            slabs->First = slab;
            slab->Previous = slab;
            slab->Next = slab;
            return;
        }

        slab->Previous = first->Previous;
        slab->Next = first;
        first->Previous->Next = slab;
        first->Previous = slab;
    }

    private static void Unlist(BinSlabs* slabs, Slab* slab)
    {
        if (slab->Next == slab)
        {
            slabs->First = null;
            return;
        }

        slab->Previous->Next = slab->Next;
        slab->Next->Previous = slab->Previous;
        if (slabs->First == slab)
        {
            slabs->First = slab->Next;
        }
    }

    /// <summary>The first free block of a full slab, or the last live one of a listed slab, was freed.</summary>
    /// <returns>Whether enough slabs are empty to give them back.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool OnTrigger(SlabHeap* heap, SlabBin* bin, Slab* slab)
    {
        if (slab->Place == SlabPlace.Full)
        {
            List(SlabBin.Slabs(bin), slab);
            if (slab->Used != 0)
            {
                return false;
            }
        }

        return OnEmpty(heap, bin, slab);
    }

    /// <summary>Sets a listed slab that is empty aside to be given back, unless it is the only one its bin has at hand.</summary>
    private static bool OnEmpty(SlabHeap* heap, SlabBin* bin, Slab* slab)
    {
        if (slab->Next == slab && SlabBin.ClaimedBlocks(bin) == 0)
        {
            return false;
        }

        Unlist(SlabBin.Slabs(bin), slab);
        slab->Place = SlabPlace.Retiring;
        slab->Trigger = NoTrigger;
        slab->Next = heap->Retiring;
        heap->Retiring = slab;
        heap->RetiringUnits += slab->Units;
        return heap->RetiringUnits >= RetireUnits;
    }

    /// <summary>Looks at slabs that other threads freed into, some at a time, until one serves the bin. False when none is left.</summary>
    private bool CollectPending(SlabHeap* heap, SlabBin* bin)
    {
        BinSlabs* slabs = SlabBin.Slabs(bin);
        for (int looked = 0; looked < CollectAtOnce && TryCollectNext(heap); looked++)
        {
            if (slabs->First != null || (slabs->Current != null && slabs->Current->GroupMask != 0))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes the next slab that is pending, and counts what others freed in it if it is still this heap's. False when none is left.</summary>
    private bool TryCollectNext(SlabHeap* heap)
    {
        heap->IsLeftPending = false;
        if (heap->Collecting == null)
        {
            if (Volatile.Read(ref heap->Pending) == 0)
            {
                return false;
            }

            heap->Collecting = (Slab*)Interlocked.Exchange(ref heap->Pending, 0);
        }

        Slab* slab = heap->Collecting;
        heap->Collecting = slab->NextPending;
        Interlocked.Exchange(ref slab->Pending, 0);
        SlabUnit* unit = _units + slab->FirstUnit;
        if (unit->Slab == slab)
        {
            if (unit->Heap == heap)
            {
                Collect(heap, unit->Bin, slab);
            }
            else
            {
                Notify(_units, slab);
            }
        }

        return true;
    }

    /// <summary>Counts what other threads freed in a slab and makes it free for its owner. One byte at a time, because a wider store would undo what they free meanwhile.</summary>
    private static void Collect(SlabHeap* heap, SlabBin* bin, Slab* slab)
    {
        byte* states = Slab.States(slab);
        int collected = 0;
        for (int group = 0; group * 64 < slab->Capacity; group++)
        {
            ulong freed = BlockState.InState(states + (group * 64), BlockState.FreedElsewhere);
            if (freed == 0)
            {
                continue;
            }

            collected += BitOperations.PopCount(freed);
            slab->GroupMask |= 1UL << group;
            for (; freed != 0; freed &= freed - 1)
            {
                states[(group * 64) + BitOperations.TrailingZeroCount(freed)] = BlockState.Free;
            }
        }

        slab->Used -= collected;
        if (collected > 0 && slab->Place == SlabPlace.Full)
        {
            List(SlabBin.Slabs(bin), slab);
        }

        if (slab->Used == 0 && slab->Place == SlabPlace.Listed)
        {
            OnEmpty(heap, bin, slab);
        }
    }
}
