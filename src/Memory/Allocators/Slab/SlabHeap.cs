using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// One thread's part of an allocator: a bin per block size, and what a fast path needs to know. Lies outside the GC heap, so that a thread finds it by one address.
/// Only its thread touches it between <see cref="Enter"/> and <see cref="Exit"/>; who holds the allocator's lock and has stopped the others may touch every heap,
/// and a thread that holds the lock its own.
/// </summary>
/// <remarks>The memory is never given back, only used again for the same reader slot: README.md says why.</remarks>
[StructLayout(LayoutKind.Explicit, Size = HeaderBytes)]
internal unsafe struct SlabHeap
{
    internal const int HeaderBytes = 256;

    private const int Inside = 1;

    // Not 0: JIT compilers make a zero in a register first.
    private const int Outside = 2;

    /// <summary>The allocator this heap is open for; 0 while it is shut.</summary>
    [FieldOffset(0)]
    internal long OpenFor;

    /// <summary><see cref="Inside"/> while its thread is inside.</summary>
    [FieldOffset(8)]
    internal int Busy;

    /// <summary>First address of the slabs.</summary>
    [FieldOffset(16)]
    internal nint Base;

    /// <summary>Bytes of address space for slabs.</summary>
    [FieldOffset(24)]
    internal nuint Length;

    /// <summary>The table of units.</summary>
    [FieldOffset(32)]
    internal SlabUnit* Units;

    /// <summary>Empty slabs to be given back, linked by <see cref="Slab.Next"/>.</summary>
    [FieldOffset(48)]
    internal Slab* Retiring;

    /// <summary>Units in them.</summary>
    [FieldOffset(56)]
    internal int RetiringUnits;

    /// <summary>Taken from <see cref="Pending"/> and not looked at yet.</summary>
    [FieldOffset(64)]
    internal Slab* Collecting;

    /// <summary>The unit from which pages without live blocks are looked for next.</summary>
    [FieldOffset(72)]
    internal int SweptUnit;

    /// <summary>Whether the heap gave empty slabs back when it last took new memory; then it does not the next time.</summary>
    [FieldOffset(76)]
    internal bool RetiredLast;

    /// <summary>Whether slabs were pending when another heap last took new memory, and its thread has taken none of them since. Written by both: a hint.</summary>
    [FieldOffset(77)]
    internal bool IsLeftPending;

    /// <summary>The one that bins have which never had a slab: all zero, and so it stays.</summary>
    [FieldOffset(80)]
    internal BinSlabs* NoSlabs;

    /// <summary>The next one that a bin can have for its own: the end of what the heap has used.</summary>
    [FieldOffset(88)]
    internal BinSlabs* NextSlabs;

    /// <summary>Slabs in which other threads have freed blocks, linked by <see cref="Slab.NextPending"/>. The one field that others write, on lines of its own.</summary>
    [FieldOffset(128)]
    internal nint Pending;

    /// <summary>Bytes of a heap, the same for all, so that each can serve any allocator. What is not used is never touched.</summary>
    internal const int Bytes = (HeaderBytes + (SizeClasses.Count * SlabBin.Bytes) + ((SizeClasses.Count + 1) * BinSlabs.Bytes) + SlabHeapMemory.Alignment - 1) & -SlabHeapMemory.Alignment;

    /// <summary>A heap's bin by index.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static SlabBin* Bin(SlabHeap* heap, uint index) => (SlabBin*)((byte*)heap + HeaderBytes + ((nuint)index << SlabBin.Shift));

    /// <summary>Bytes that are used of it: the header, a bin for each size, and what those bins know of their slabs that have or had some.</summary>
    internal static long UsedBytes(SlabHeap* heap) => (byte*)heap->NextSlabs - (byte*)heap;

    /// <summary>Gives each bin the empty <see cref="BinSlabs"/>, which lie behind the last.</summary>
    /// <param name="heap">The heap.</param>
    /// <param name="bins">How many bins it has.</param>
    internal static void ForgetSlabs(SlabHeap* heap, int bins)
    {
        heap->NoSlabs = (BinSlabs*)Bin(heap, (uint)bins);
        *heap->NoSlabs = default;
        heap->NextSlabs = heap->NoSlabs + 1;
        for (uint i = 0; i < (uint)bins; i++)
        {
            Bin(heap, i)->SlabsOffset = (ushort)((byte*)heap->NoSlabs - (byte*)Bin(heap, i));
        }
    }

    /// <summary>Sees to it that a bin has <see cref="BinSlabs"/> of its own. Memory behind those in use was not touched yet, or by another allocator. With the lock, which counters are read with.</summary>
    internal static void EnsureSlabs(SlabHeap* heap, SlabBin* bin)
    {
        if (SlabBin.Slabs(bin) == heap->NoSlabs)
        {
            BinSlabs* slabs = heap->NextSlabs++;
            *slabs = default;
            bin->SlabsOffset = (ushort)((byte*)slabs - (byte*)bin);
        }
    }

    /// <summary>Whether its thread is inside. Any thread.</summary>
    internal static bool IsBusy(SlabHeap* heap) => Volatile.Read(ref heap->Busy) == Inside;

    /// <summary>
    /// Claims the heap for its own thread and says whether it is open for the allocator; if not, nothing may be done. <see cref="Exit"/> must follow in either case: so a fast path need not hold the
    /// instructions for the other one. The argument is that of <see cref="ReaderSlot.Enter"/>: whoever shuts the heap pays for a process-wide barrier and waits while it is busy.
    /// </summary>
    /// <remarks>
    /// Compilers keep the write before the read because both are volatile: volatile operations are visible in the order the program specifies (ECMA-335, I.12.6.4). Where the second of them is an
    /// ordinary read, as the reader slots' is, the mark has to be read back instead, which costs a tenth of a nanosecond.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool Enter(SlabHeap* heap, long allocatorId)
    {
        Volatile.Write(ref heap->Busy, Inside);
        return Volatile.Read(ref heap->OpenFor) == allocatorId;
    }

    /// <summary>Like <see cref="Enter"/>; a heap that is not open is left again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool TryEnter(SlabHeap* heap, long allocatorId)
    {
        if (Enter(heap, allocatorId))
        {
            return true;
        }

        Exit(heap);
        return false;
    }

    /// <summary>Ends what <see cref="Enter"/> began.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Exit(SlabHeap* heap) => Volatile.Write(ref heap->Busy, Outside);

    /// <summary>Brings a slab to a heap's pending list. Any thread.</summary>
    internal static void PushPending(SlabHeap* heap, Slab* slab)
    {
        nint head = Volatile.Read(ref heap->Pending);
        while (true)
        {
            slab->NextPending = (Slab*)head;
            nint seen = Interlocked.CompareExchange(ref heap->Pending, (nint)slab, head);
            if (seen == head)
            {
                return;
            }

            head = seen;
        }
    }
}

/// <summary>The heap this thread used last, of whichever allocator. Alone in its class, which has no initializers, so that reading it needs no check whether statics are set up.</summary>
internal static class LastHeap
{
    [ThreadStatic]
    internal static nint Current;
}

/// <summary>
/// Memory for heaps, kept per reader slot for ever. A thread may still hold the address of a heap whose allocator is gone; it must be readable, and if it is in use again
/// it must be that same thread's.
/// </summary>
internal static unsafe class SlabHeapMemory
{
    /// <summary>Heaps of two threads share no line, nor a pair of lines that are fetched together.</summary>
    internal const int Alignment = 128;

    private static readonly Lock s_gate = new();
    private static readonly Dictionary<int, Stack<nint>> s_free = [];

    internal static SlabHeap* Take(int slot, int bins)
    {
        nint memory = 0;
        lock (s_gate)
        {
            if (s_free.TryGetValue(slot, out Stack<nint>? free))
            {
                free.TryPop(out memory);
            }
        }

        if (memory == 0)
        {
            memory = (nint)NativeMemory.AlignedAlloc(SlabHeap.Bytes, Alignment);
            ((SlabHeap*)memory)->OpenFor = 0;
            SlabHeap.Exit((SlabHeap*)memory);
        }

        // Not the flags: the slot's thread, which is this one, is the only one that writes Busy, and nobody else is let in.
        SlabHeap* heap = (SlabHeap*)memory;
        const int AfterFlags = 12;
        NativeMemory.Clear((byte*)heap + AfterFlags, (nuint)(SlabHeap.HeaderBytes + (bins * SlabBin.Bytes) - AfterFlags));
        SlabHeap.ForgetSlabs(heap, bins);
        return heap;
    }

    internal static void Return(int slot, SlabHeap* heap)
    {
        lock (s_gate)
        {
            if (!s_free.TryGetValue(slot, out Stack<nint>? free))
            {
                s_free[slot] = free = [];
            }

            free.Push((nint)heap);
        }
    }
}
