using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>What a thread does within its own heap and with more than a few instructions: cleared blocks, and blocks that change their size.</summary>
public abstract unsafe partial class SizeClassAllocator
{
    /// <summary>Takes a claimed block and clears it; 0 when the heap is shut, none is claimed, or the size is not one for slabs.</summary>
    internal nint AllocateZeroedOwn(SlabHeap* heap, nuint size)
    {
        if (size - 1 >= SizeClasses.MaxBytes || !SlabHeap.TryEnter(heap, _id))
        {
            return 0;
        }

        SlabBin* bin = SlabHeap.Bin(heap, SizeClasses.Of(size));
        nint address = SlabEngine.TakeClaimed(bin, size, out byte before);
        if (before != BlockState.Fresh)
        {
            NativeMemory.Clear((void*)address, bin->BlockBytes);
        }

        SlabHeap.Exit(heap);
        return address;
    }

    /// <summary>
    /// Makes a block of this thread's heap larger or smaller, where it is or in a block that is claimed already; 0 when that is not enough. Then nothing has changed.
    /// </summary>
    internal nint ReallocateOwn(SlabHeap* heap, nint address, nuint size)
    {
        if (size - 1 >= SizeClasses.MaxBytes || !SlabHeap.TryEnter(heap, _id))
        {
            return 0;
        }

        if (!SlabEngine.TryFindOwn<FaultsNamed>(heap, address, out SlabBin* bin, out Slab* slab, out nuint index))
        {
            SlabHeap.Exit(heap);
            return 0;
        }

        uint usable = bin->BlockBytes;
        if (size <= usable && size >= usable / 2)
        {
            bool isResized = SlabEngine.TryResize(bin, Slab.States(slab) + index, size);
            SlabHeap.Exit(heap);
            return isResized ? address : 0;
        }

        SlabBin* other = SlabHeap.Bin(heap, SizeClasses.Of(size));
        nint moved = SlabEngine.TakeClaimed(other, size, out _);
        if (moved == 0)
        {
            SlabHeap.Exit(heap);
            return 0;
        }

        Buffer.MemoryCopy((void*)address, (void*)moved, size, nuint.Min(size, usable));
        if (SlabEngine.FreeOwn(bin, slab, index))
        {
            SlabHeap.Exit(heap);
        }
        else
        {
            _engine.AfterTrigger(heap, bin, slab);
        }

        return moved;
    }
}
