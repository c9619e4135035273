using System.Numerics;
using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// Freed blocks that are not merged yet (lazy buddies: Barkley and Lee, "A lazy buddy system bounded by two coalescing delays per class", 1989). The next request of exactly their
/// size takes one as it is, which neither merges nor cuts anything, and leaves no rest.
/// </summary>
/// <remarks>
/// A parked block is free to everybody who asks, and counted so, but its granules are in no index over free blocks yet. <see cref="Settle"/> puts them there; whoever looks at
/// the indices does that first.
/// </remarks>
internal sealed unsafe partial class BuddyArea
{
    private const int ParkedSizes = 64;
    private const int ParkedDepth = 64;
    private const int ParkedPartLog = 6;
    private const int AgingPeriod = 64;

    private readonly ParkedSize[] _parkedSizes;
    private readonly uint[]?[]?[] _parked = new uint[]?[]?[Kinds];
    private readonly ulong[] _parkedAny = new ulong[Kinds];
    private readonly int _parkedLeast;
    private long _parkedGranules;
    private uint _parkedClock;
    private int _parkedVictim;

    /// <summary>Merges every parked block.</summary>
    /// <returns>Whether there was one.</returns>
    internal bool Settle()
    {
        if (_parkedGranules == 0)
        {
            return false;
        }

        for (int kind = 0; kind < Kinds; kind++)
        {
            while (_parkedAny[kind] != 0)
            {
                ReleaseOldest(kind, BitOperations.TrailingZeroCount(_parkedAny[kind]));
            }
        }

        return true;
    }

    /// <summary>
    /// Merges the oldest block of every size that was neither taken nor parked since the last time, so that its pages can go back: what is parked is found by nobody who looks for pages, and a program that
    /// never asks for that size again would keep them for ever. Second chance, as in the clock algorithm (Corbató, 1968). Only sizes of a page and more, which are few where granules are small: merging one of
    /// each of 64 sizes took 10 µs.
    /// </summary>
    internal void SettleUnasked()
    {
        int least = (1 << Math.Max(0, _pageShift - GranuleShift)) - 1;
        for (int kind = 0; kind < Kinds; kind++)
        {
            for (ulong sizes = least < ParkedSizes ? _parkedAny[kind] >> least << least : 0; sizes != 0; sizes &= sizes - 1)
            {
                int size = BitOperations.TrailingZeroCount(sizes);
                ref ParkedSize row = ref _parkedSizes[(kind * ParkedSizes) + size];
                if (!row.IsAskedFor)
                {
                    ReleaseOldest(kind, size);
                }

                row.IsAskedFor = false;
            }
        }
    }

    /// <summary>Whether an unmovable block of a size is parked: without the lock, so a guess.</summary>
    internal bool HasParked(long granules) => (ulong)(granules - 1) < ParkedSizes && (Volatile.Read(ref _parkedAny[0]) >> (int)(granules - 1) & 1) != 0;

    /// <summary>Hands out a parked block of exactly the size, unmovable and of no owner.</summary>
    internal bool TryTakeParked(long granules, int slack, out nint address)
    {
        BuddyRequest request = new(granules, BitOperations.Log2((ulong)granules), slack, 0, OwnerId.None, NeedsAlignment: false, 0);
        address = 0;
        if (!TryFindParked(request, out BuddyPlace place))
        {
            return false;
        }

        TakeParked(place, request, out address);
        return true;
    }

    /// <summary>Looks for a parked block of exactly the size and at least the alignment asked for.</summary>
    private bool TryFindParked(in BuddyRequest request, out BuddyPlace place)
    {
        int kind = request.Mobility;
        int size = (int)request.Granules - 1;
        while ((_parkedAny[kind] >> size & 1) != 0)
        {
            ref ParkedSize row = ref _parkedSizes[(kind * ParkedSizes) + size];
            uint position = _parked[kind]![size]![(row.Next - 1) & (ParkedDepth - 1)];
            if (request.NeedsAlignment && (position & ((1U << request.Order) - 1)) != 0)
            {
                break;
            }

            int pageblock = (int)(position >> _localOrders);
            if (Header(pageblock)->Mobility == kind)
            {
                place = new BuddyPlace(kind, pageblock, BuddyPlace.Parked, 0, (int)(position & (uint)(_granules - 1)));
                return true;
            }

            // Another kind has taken the pageblock over since.
            ReleaseOldest(kind, size);
        }

        place = default;
        return false;
    }

    private void TakeParked(in BuddyPlace place, in BuddyRequest request, out nint address)
    {
        int kind = request.Mobility;
        int size = (int)request.Granules - 1;
        ref ParkedSize row = ref _parkedSizes[(kind * ParkedSizes) + size];
        row.Next--;
        row.IsAskedFor = true;
        Unpark(ref row, kind, size);

        // Its end is still marked, its freed bits inside are clear, and its pages were in use before.
        Bits.Set(Heads(place.Pageblock), place.Granule);
        Bits.Clear(Freed(place.Pageblock), place.Granule);
        RecordAt(place.Pageblock, place.Granule, request.Slack, request.Owner);
        Allocations[kind]++;
        FreeGranules -= request.Granules;
        LiveBlocks++;
        address = AddressOf(place.Pageblock, place.Granule);
    }

    /// <summary>Parks a freed block, and merges as many others as it takes to stay within a part of what is live.</summary>
    /// <returns>Whether it is parked; nothing has changed when not.</returns>
    private bool TryPark(int kind, int pageblock, int granule, int granules)
    {
        int size = granules - 1;
        if ((_parked[kind]?[size] ?? NewRing(kind, size)) is not { } positions)
        {
            return false;
        }

        ref ParkedSize row = ref _parkedSizes[(kind * ParkedSizes) + size];
        if (row.Count == ParkedDepth)
        {
            ReleaseOldest(kind, size);
        }

        positions[row.Next & (ParkedDepth - 1)] = ((uint)pageblock << _localOrders) + (uint)granule;
        row.Next++;
        row.Count++;
        row.IsAskedFor = true;
        _parkedAny[kind] |= 1UL << size;
        _parkedGranules += granules;

        // At most two a free keeps each free short, and is more than is parked by it. Now and then one goes anyway, so that sizes that nobody asks for any more do not stay.
        long most = Math.Max(_parkedLeast, (TotalGranules - FreeGranules) >> ParkedPartLog);
        bool aged = ++_parkedClock % AgingPeriod == 0;
        for (int turn = 0; turn < 2 && (_parkedGranules > most || (aged && turn == 0 && _parkedGranules > _parkedLeast)); turn++)
        {
            ReleaseNextVictim(kind);
        }

        return true;
    }

    /// <summary>
    /// A ring for each size that is freed, since few programs free many sizes: rings for all sizes are 16 KB, much where a megabyte is live. Null when the GC heap is full: the block that is being freed
    /// must not be lost for that.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private uint[]? NewRing(int kind, int size)
    {
        try
        {
            return (_parked[kind] ??= new uint[]?[ParkedSizes])[size] ??= new uint[ParkedDepth];
        }
        catch (OutOfMemoryException)
        {
            return null;
        }
    }

    /// <summary>Merges the oldest block of the next size in turn, of one kind.</summary>
    private void ReleaseNextVictim(int kind)
    {
        if (_parkedAny[kind] == 0)
        {
            return;
        }

        ulong rest = _parkedVictim < ParkedSizes - 1 ? _parkedAny[kind] >> (_parkedVictim + 1) << (_parkedVictim + 1) : 0;
        _parkedVictim = BitOperations.TrailingZeroCount(rest != 0 ? rest : _parkedAny[kind]);
        ReleaseOldest(kind, _parkedVictim);
    }

    private void ReleaseOldest(int kind, int size)
    {
        ref ParkedSize row = ref _parkedSizes[(kind * ParkedSizes) + size];
        uint position = _parked[kind]![size]![(row.Next - row.Count) & (ParkedDepth - 1)];
        Unpark(ref row, kind, size);
        ReleaseLocal((int)(position >> _localOrders), (int)(position & (uint)(_granules - 1)), size + 1);
    }

    private void Unpark(ref ParkedSize row, int kind, int size)
    {
        _parkedGranules -= size + 1;
        if (--row.Count == 0)
        {
            _parkedAny[kind] &= ~(1UL << size);
        }
    }

    /// <summary>Bytes that the rings take.</summary>
    private long ParkedBytes()
    {
        long bytes = 0;
        foreach (uint[]?[]? rings in _parked)
        {
            bytes += rings is null ? 0 : rings.Length * sizeof(ulong);
            foreach (uint[]? positions in rings ?? [])
            {
                bytes += positions is null ? 0 : positions.Length * sizeof(uint);
            }
        }

        return bytes;
    }

    private void ForgetParked()
    {
        Array.Clear(_parkedSizes);
        Array.Clear(_parkedAny);
        _parkedGranules = 0;
    }

    /// <summary>A ring of parked blocks: the youngest is taken, the oldest is merged.</summary>
    private struct ParkedSize
    {
        internal byte Next;
        internal byte Count;

        /// <summary>Whether a block was taken or parked since <see cref="SettleUnasked"/> looked last.</summary>
        internal bool IsAskedFor;
    }
}
