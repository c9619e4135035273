using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>The two ways to run records on one thread: against the clock, and looking at every byte.</summary>
/// <remarks>
/// <c>position</c> is written before each operation, one store that the processor hides, so that a failure knows its record without a handler in the loop.
/// A size of 0 asks for 1 byte: a program may ask for none and gets a block that it can free, which the contract of <see cref="MemoryAllocator"/> refuses.
/// </remarks>
internal static unsafe class ReplayLoop
{
    /// <summary>Runs records as fast as they go and writes the first byte of each new block, as a program would at least.</summary>
    /// <param name="target">What to call.</param>
    /// <param name="records">All records.</param>
    /// <param name="slots">An address for each id.</param>
    /// <param name="begin">The first record to run.</param>
    /// <param name="end">Behind the last record to run.</param>
    /// <param name="position">The record at work; <paramref name="end"/> afterwards.</param>
    // Optimised at once: a pass is one call, so tiering would leave the loop in the form that was made while it ran first.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static void Run<T>(T target, TraceRecord* records, nint* slots, int begin, int end, ref int position)
        where T : struct, IReplayTarget
    {
        target.Settle();
        for (int i = begin; i < end; i++)
        {
            position = i;
            TraceRecord* record = records + i;
            nint* slot = slots + record->Id;
            nuint size = record->Size;
            size += size == 0 ? 1u : 0u;
            switch (record->Operation)
            {
                case TraceOperation.Allocate:
                    nint fresh = target.Allocate(size);
                    *(byte*)fresh = 1;
                    *slot = fresh;
                    break;
                case TraceOperation.Free:
                    target.Free(*slot);
                    break;
                case TraceOperation.Reallocate:
                    nint moved = target.Reallocate(*slot, size);
                    *(byte*)moved = 1;
                    *slot = moved;
                    break;
                case TraceOperation.AllocateZeroed:
                    nint zeroed = target.AllocateZeroed(size);
                    *(byte*)zeroed = 1;
                    *slot = zeroed;
                    break;
                default:
                    nint aligned = target.AllocateAligned(size, (nuint)1 << record->AlignmentLog2);
                    *(byte*)aligned = 1;
                    *slot = aligned;
                    break;
            }
        }

        position = end;
    }

    /// <summary>
    /// Runs records from <paramref name="position"/> to <paramref name="end"/>, writes every byte of each block, and looks whether it is still there when the block is freed or moved.
    /// </summary>
    /// <param name="target">What to call.</param>
    /// <param name="records">All records.</param>
    /// <param name="slots">An address for each id.</param>
    /// <param name="sizes">The size of each live object, by id.</param>
    /// <param name="end">Behind the last record to run.</param>
    /// <param name="position">The record at work; <paramref name="end"/> afterwards.</param>
    /// <param name="cancellation">Looked at before each record and within large blocks.</param>
    /// <exception cref="TraceReplayException">A block has not the alignment, zeros or contents it must have; record number and allocator's name are left to the caller.</exception>
    internal static void RunChecked<T>(T target, TraceRecord* records, nint* slots, uint[] sizes, int end, ref int position, CancellationToken cancellation)
        where T : struct, IReplayTarget
    {
        target.Settle();
        for (; position < end; position++)
        {
            cancellation.ThrowIfCancellationRequested();
            TraceRecord* record = records + position;
            nint* slot = slots + record->Id;
            byte pattern = Pattern(record->Id);
            if (record->Operation == TraceOperation.Free)
            {
                RequireContents(*slot, record->Size, pattern, cancellation);
                target.Free(*slot);
                continue;
            }

            uint kept = record->Operation == TraceOperation.Reallocate ? Math.Min(sizes[record->Id], record->Size) : 0;
            nint block = Make(target, record, *slot);
            *slot = block;
            RequireBlock(record, block, kept, pattern, cancellation);
            sizes[record->Id] = record->Size;
            Fill(block, record->Size, pattern, cancellation);
        }
    }

    /// <summary>Runs one record that gives a block.</summary>
    internal static nint Make<T>(T target, TraceRecord* record, nint old)
        where T : struct, IReplayTarget
    {
        nuint size = Math.Max(1, record->Size);
        return record->Operation switch
        {
            TraceOperation.Reallocate => target.Reallocate(old, size),
            TraceOperation.AllocateZeroed => target.AllocateZeroed(size),
            TraceOperation.AllocateAligned => target.AllocateAligned(size, (nuint)1 << record->AlignmentLog2),
            _ => target.Allocate(size),
        };
    }

    /// <summary>The byte that an object is filled with. Never 0, so that it is told from a zeroed block.</summary>
    internal static byte Pattern(uint id) => (byte)((id % 251) + 1);

    internal static void Fill(nint block, uint size, byte pattern, CancellationToken cancellation)
    {
        for (uint at = 0; at < size;)
        {
            uint length = NextPiece(size - at, cancellation);
            NativeMemory.Fill((void*)(block + (nint)at), length, pattern);
            at += length;
        }
    }

    internal static void RequireBlock(TraceRecord* record, nint block, uint kept, byte pattern, CancellationToken cancellation)
    {
        nuint alignment = record->Operation == TraceOperation.AllocateAligned ? (nuint)1 << record->AlignmentLog2 : 1;
        if (block == 0 || ((nuint)block & (alignment - 1)) != 0)
        {
            throw new ReplayMismatchException($"the block at 0x{block:x} is not aligned to {alignment:N0} bytes");
        }

        if (record->Operation == TraceOperation.AllocateZeroed && !Holds(block, record->Size, 0, cancellation))
        {
            throw new ReplayMismatchException($"the block at 0x{block:x} was to be zero and is not");
        }

        RequireContents(block, kept, pattern, cancellation);
    }

    internal static void RequireContents(nint block, uint size, byte pattern, CancellationToken cancellation)
    {
        if (!Holds(block, size, pattern, cancellation))
        {
            throw new ReplayMismatchException($"the block at 0x{block:x} does not hold the {size:N0} bytes that were written to it");
        }
    }

    /// <summary>Whether every byte is the same one.</summary>
    private static bool Holds(nint block, uint size, byte value, CancellationToken cancellation)
    {
        for (uint at = 0; at < size;)
        {
            uint length = NextPiece(size - at, cancellation);
            if (new ReadOnlySpan<byte>((void*)(block + (nint)at), (int)length).ContainsAnyExcept(value))
            {
                return false;
            }

            at += length;
        }

        return true;
    }

    /// <summary>How much of a block to pass over at once: what takes some milliseconds, also where each page of it is new. Looks at whether to stop before each piece of a larger one.</summary>
    private static uint NextPiece(uint left, CancellationToken cancellation)
    {
        const uint PieceBytes = 16 << 20;
        if (left <= PieceBytes)
        {
            return left;
        }

        cancellation.ThrowIfCancellationRequested();
        return PieceBytes;
    }
}
