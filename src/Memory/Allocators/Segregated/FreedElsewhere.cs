using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// Blocks that were freed by threads which did not take the heap's lock: a mark per granule says that the block that starts there is free although the heap's bits say it is live,
/// and a ring of places brings the blocks to whoever has the lock next.
/// </summary>
/// <remarks>
/// A mark is set by one interlocked operation, so of several threads that free a block one does, and the others learn that they did not. Any thread may mark, unmark what it marked, and push;
/// everything else is for who has the heap's lock.
/// </remarks>
internal sealed unsafe class FreedElsewhere : IDisposable
{
    /// <summary>Blocks that may be on their way at once. Each is 4 KiB at most, so 2 MiB may wait here.</summary>
    internal const int Places = 512;

    // Who pushes and who takes write to lines of their own, with a line between for processors that fetch two at once.
    private const int HeadOffset = 128;
    private const int RingOffset = 256;

    private readonly nint _reservation;
    private readonly nuint _reservedBytes;
    private readonly long _ringBytes;
    private readonly PushState* _push;
    private readonly long* _head;
    private readonly uint* _places;
    private readonly ulong* _marks;
    private long _committedMarkBytes;

    /// <summary>Reserves marks for so many granules.</summary>
    /// <exception cref="VirtualMemoryException">The system refused.</exception>
    internal FreedElsewhere(long granules)
    {
        _ringBytes = Whole(RingOffset + (Places * sizeof(uint)));
        _reservedBytes = (nuint)(_ringBytes + Whole(granules / 8));
        _reservation = VirtualMemory.Reserve(_reservedBytes);
        try
        {
            VirtualMemory.Commit(_reservation, (nuint)_ringBytes);
        }
        catch
        {
            VirtualMemory.Release(_reservation, _reservedBytes);
            throw;
        }

        _push = (PushState*)_reservation;
        _head = (long*)(_reservation + HeadOffset);
        _places = (uint*)(_reservation + RingOffset);
        _marks = (ulong*)(_reservation + (nint)_ringBytes);
    }

    /// <summary>Bytes of address space.</summary>
    internal long ReservedBytes => (long)_reservedBytes;

    /// <summary>Bytes committed.</summary>
    internal long CommittedBytes => _ringBytes + _committedMarkBytes;

    /// <summary>Whether a block waits to be taken.</summary>
    internal bool HasAny
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Volatile.Read(ref _places[*_head & (Places - 1)]) != 0;
    }

    /// <summary>Commits the marks of the granules below a number.</summary>
    /// <exception cref="VirtualMemoryException">The system refused; nothing has changed.</exception>
    internal void Know(long granules)
    {
        long bytes = Whole(granules / 8);
        if (bytes > _committedMarkBytes)
        {
            VirtualMemory.Commit((nint)_marks + (nint)_committedMarkBytes, (nuint)(bytes - _committedMarkBytes));
            _committedMarkBytes = bytes;
        }
    }

    /// <summary>Whether a granule is marked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool IsMarked(uint granule) => (Volatile.Read(ref _marks[granule >> 6]) >> (int)(granule & 63) & 1) != 0;

    /// <summary>Marks a granule; false when it was marked already. A full fence.</summary>
    internal bool TryMark(uint granule)
    {
        ulong bit = 1UL << (int)(granule & 63);
        return (Interlocked.Or(ref _marks[granule >> 6], bit) & bit) == 0;
    }

    /// <summary>Takes a mark back. A full fence.</summary>
    internal void Unmark(uint granule) => Interlocked.And(ref _marks[granule >> 6], ~(1UL << (int)(granule & 63)));

    /// <summary>Brings a marked block to the ring; false when there is no place.</summary>
    internal bool TryPush(uint granule)
    {
        while (true)
        {
            long tail = Volatile.Read(ref _push->Tail);
            if (tail - Volatile.Read(ref _push->HeadSeen) >= Places)
            {
                // The head seen last is older than the head, never newer: at worst one looks again.
                Volatile.Write(ref _push->HeadSeen, Volatile.Read(ref *_head));
                if (tail - Volatile.Read(ref _push->HeadSeen) >= Places)
                {
                    return false;
                }
            }

            if (Interlocked.CompareExchange(ref _push->Tail, tail + 1, tail) == tail)
            {
                Volatile.Write(ref _places[tail & (Places - 1)], granule + 1);
                return true;
            }
        }
    }

    /// <summary>Takes the block that came first, still marked; <see cref="SegregatedHeap.None"/> when there is none, or when its thread has its place and has not written it yet.</summary>
    internal uint Take()
    {
        ref uint place = ref _places[*_head & (Places - 1)];
        uint granule = Volatile.Read(ref place);
        if (granule == 0)
        {
            return SegregatedHeap.None;
        }

        // The place is empty before the head says so: who sees the head may use the place.
        place = 0;
        Volatile.Write(ref *_head, *_head + 1);
        return granule - 1;
    }

    /// <summary>The first marked granule from one on; <see cref="SegregatedHeap.None"/> when there is none. A walk, for checks.</summary>
    internal uint NextMarked(uint from, uint end)
    {
        for (uint granule = from; granule < end; granule = (granule | 63) + 1)
        {
            ulong marks = Volatile.Read(ref _marks[granule >> 6]) >> (int)(granule & 63);
            if (marks != 0)
            {
                return granule + (uint)System.Numerics.BitOperations.TrailingZeroCount(marks);
            }
        }

        return SegregatedHeap.None;
    }

    /// <summary>Forgets all.</summary>
    internal void Clear()
    {
        while (Take() != SegregatedHeap.None)
        {
        }

        for (long word = 0; word < _committedMarkBytes / sizeof(ulong); word++)
        {
            // Most are zero, and are not written to, lest their pages be made.
            if (_marks[word] != 0)
            {
                Volatile.Write(ref _marks[word], 0);
            }
        }
    }

    /// <summary>Gives the memory back. Once, when nobody marks or pushes any more.</summary>
    public void Dispose() => VirtualMemory.Release(_reservation, _reservedBytes);

    private static long Whole(long bytes) => (bytes + VirtualMemory.PageSize - 1) / VirtualMemory.PageSize * VirtualMemory.PageSize;

    /// <summary>What who pushes writes.</summary>
    private struct PushState
    {
        /// <summary>Places given to blocks so far.</summary>
        internal long Tail;

        /// <summary>A head that somebody saw: it spares the line that who takes writes.</summary>
        internal long HeadSeen;
    }
}
