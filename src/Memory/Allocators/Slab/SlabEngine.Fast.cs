using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace DimensionStore.Memory;

/// <summary>The few instructions that most allocations and frees consist of. Inside the heap.</summary>
internal sealed unsafe partial class SlabEngine
{
    /// <summary>Takes one of the blocks that a bin has claimed.</summary>
    /// <param name="bin">The bin, of a <see cref="SizeClassAllocator"/>.</param>
    /// <param name="index">The class: where the size is a constant, so is this.</param>
    /// <param name="mask">The bin's mask, not 0.</param>
    /// <param name="size">Bytes asked for.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static nint TakeClaimed(SlabBin* bin, uint index, ulong mask, nuint size)
    {
        // The instruction rather than BitOperations, whose int would be widened again.
        nuint bit = Bmi1.X64.IsSupported ? (nuint)Bmi1.X64.TrailingZeroCount(mask) : (nuint)BitOperations.TrailingZeroCount(mask);

        // Read before the mask is written: so the state is one write with an index, instead of an addition before it.
        byte* states = bin->GroupStates;
        bin->Mask = mask & (mask - 1);
        states[bit] = BlockState.LiveFor(size, SizeClasses.SlackShift(index));
        return (nint)(bit * bin->Stride) + bin->GroupAddress;
    }

    /// <summary>Takes one of the blocks that a bin has claimed or that were put back; 0 when there is none.</summary>
    /// <param name="bin">The bin.</param>
    /// <param name="size">Bytes asked for.</param>
    /// <param name="before">The block's state before.</param>
    internal static nint TakeClaimed(SlabBin* bin, nuint size, out byte before)
    {
        before = BlockState.Fresh;
        if (bin->Mask == 0 && !SlabBin.Reuse(bin))
        {
            return 0;
        }

        before = bin->GroupStates[BitOperations.TrailingZeroCount(bin->Mask)];
        return TakeClaimed(bin, bin->Class, bin->Mask, size);
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
            ulong reciprocal = unit->Reciprocal;
            ulong product = ((uint)address - unit->Start) * reciprocal;
            bin = unit->Bin;
            slab = unit->Slab;
            index = (nuint)(product >> 32);
            return unit->Heap == heap && (!TFaults.AreNamed || ((uint)product < (uint)reciprocal && Slab.States(slab)[index] >= BlockState.Live));
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
