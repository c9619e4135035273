using System.Numerics;
using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>The few instructions that most allocations and frees consist of. Inside the heap.</summary>
internal sealed unsafe partial class SlabEngine
{
    /// <summary>Takes one of the blocks that a bin has claimed.</summary>
    /// <param name="bin">The bin.</param>
    /// <param name="mask">Its mask, not 0.</param>
    /// <param name="size">Bytes asked for.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nint TakeClaimed(SlabBin* bin, ulong mask, nuint size)
    {
        uint bit = (uint)BitOperations.TrailingZeroCount(mask);
        bin->Mask = mask & (mask - 1);
        bin->GroupStates[bit] = SlabBin.LiveState(bin, size);
        return bin->GroupAddress + (nint)(bit * bin->BlockBytes);
    }

    /// <summary>Takes one of the blocks that a bin has claimed or that were put back; there is one.</summary>
    /// <param name="bin">The bin.</param>
    /// <param name="size">Bytes asked for.</param>
    /// <param name="before">The block's state before.</param>
    internal static nint TakeClaimed(SlabBin* bin, nuint size, out byte before)
    {
        if (bin->Mask == 0)
        {
            SlabBin.Reuse(bin);
        }

        before = bin->GroupStates[BitOperations.TrailingZeroCount(bin->Mask)];
        return TakeClaimed(bin, bin->Mask, size);
    }

    /// <summary>Looks a live block of this heap's own up; false for every other address. Nothing has changed.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="address">Where a block may start.</param>
    /// <param name="bin">The block's bin.</param>
    /// <param name="slab">The block's slab.</param>
    /// <param name="index">The block's index in the slab.</param>
    /// <typeparam name="TFaults"><see cref="FaultsNamed"/>; without, only whose the slab is is looked at.</typeparam>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryFindOwn<TFaults>(SlabHeap* heap, nint address, out SlabBin* bin, out Slab* slab, out nuint index)
        where TFaults : struct, IFreeFaults
    {
        nuint offset = (nuint)(address - heap->Base);
        if (!TFaults.AreNamed || offset < heap->Length)
        {
            SlabUnit* unit = heap->Units + (offset >> SlabChunks.UnitShift);
            uint reciprocal = unit->Reciprocal;
            ulong product = (ulong)(uint)(address - unit->Start) * reciprocal;
            bin = unit->Bin;
            slab = unit->Slab;
            index = (nuint)(product >> 32);
            return SlabHeap.Has(heap, bin) && (!TFaults.AreNamed || ((uint)product < reciprocal && Slab.States(slab)[index] >= BlockState.Live));
        }

        bin = null;
        slab = null;
        index = 0;
        return false;
    }

    /// <summary>Frees a block that <see cref="TryFindOwn"/> has found.</summary>
    /// <param name="bin">Its bin.</param>
    /// <param name="slab">Its slab.</param>
    /// <param name="index">Its index in the slab.</param>
    /// <returns>Whether that is all; false asks for <see cref="AfterTrigger"/>.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool FreeOwn(SlabBin* bin, Slab* slab, nuint index)
    {
        byte* state = Slab.States(slab) + index;
        *state = BlockState.Free;
        nuint bit = (nuint)(state - bin->GroupStates);
        if (bit < 64)
        {
            bin->PutBack |= 1UL << (int)bit;
            return true;
        }

        bin->Freed++;
        slab->GroupMask |= 1UL << (int)(index >> 6);
        return --slab->Used != slab->Trigger;
    }
}
