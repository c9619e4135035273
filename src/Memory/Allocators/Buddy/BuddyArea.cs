using System.Numerics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// The binary buddy system over one range of addresses: which granules are free, live or committed. It neither locks nor charges; <see cref="PageAllocator"/> does.
/// </summary>
/// <remarks>
/// The range is divided into pageblocks, and these into granules. A free block smaller than a pageblock is one bit in a bitmap of its order in its pageblock; free blocks of whole
/// pageblocks are bits in trees of the area. Nothing is ever written into free memory. The page of this folder says why.
/// </remarks>
internal sealed unsafe partial class BuddyArea : IDisposable
{
    internal const int Kinds = 3;
    internal const int MaxGranulesLog = 12;

    private readonly BlockMemory _memory;
    private readonly int _pageShift = BitOperations.Log2((uint)VirtualMemory.PageSize);
    private readonly int _blockShift;
    private readonly int _localOrders;
    private readonly int _granules;
    private readonly int _pageblocks;
    private readonly int _wholeOrders;
    private readonly BitTree[] _whole;
    private readonly BitTree[] _divided;
    private readonly uint[] _dividedOrders = new uint[Kinds];
    private uint _freeWholeOrders;

    /// <summary>Lays an area over a part of a reservation.</summary>
    /// <param name="memory">The reservation, which the caller keeps until the area is disposed.</param>
    /// <param name="start">First address, aligned to the largest block.</param>
    /// <param name="pageblocks">Its length.</param>
    /// <param name="granuleShift">Log2 of the smallest block.</param>
    /// <param name="blockShift">Log2 of a pageblock: at least a page, and 2 to 4,096 granules.</param>
    /// <param name="maxShift">Log2 of the largest block: at least a pageblock.</param>
    /// <param name="parks">Whether freed blocks may wait for a request of their size.</param>
    internal BuddyArea(BlockMemory memory, nint start, int pageblocks, int granuleShift, int blockShift, int maxShift, bool parks)
    {
        _memory = memory;
        Start = start;
        GranuleShift = granuleShift;
        _blockShift = blockShift;
        _pageblocks = pageblocks;
        _localOrders = blockShift - granuleShift;
        _granules = 1 << _localOrders;
        _wholeOrders = maxShift - blockShift + 1;
        FreeGranules = TotalGranules;

        _whole = new BitTree[_wholeOrders];
        for (int order = 0; order < _whole.Length; order++)
        {
            _whole[order] = new BitTree((pageblocks >> order) + 2);
        }

        _divided = new BitTree[Kinds * _localOrders];
        for (int i = 0; i < _divided.Length; i++)
        {
            _divided[i] = new BitTree(0);
        }

        _idleWhole = new BitTree(0);
        _parkedSizes = new ParkedSize[Kinds * ParkedSizes];
        _parkedLeast = parks && TotalGranules <= uint.MaxValue ? ParkedSizes : 0;
        LayOutTables();
        FreeWhole(0, pageblocks);
    }

    internal nint Start { get; }

    internal long Bytes => (long)_pageblocks << _blockShift;

    internal int GranuleShift { get; }

    internal long TotalGranules => (long)_pageblocks << _localOrders;

    internal long FreeGranules { get; private set; }

    internal long LiveBlocks { get; private set; }

    internal long[] Allocations { get; } = new long[Kinds];

    internal long[] Fallbacks { get; } = new long[Kinds];

    internal long[] Conversions { get; } = new long[Kinds];

    internal bool Contains(nint address) => (nuint)(address - Start) < (nuint)Bytes;

    /// <summary>Hands out what <see cref="TryFind"/> found, once its pages are committed.</summary>
    /// <returns>Which of its bytes are known to be zero.</returns>
    internal CleanRun Take(in BuddyPlace place, in BuddyRequest request, out nint address)
    {
        if (place.IsParked)
        {
            TakeParked(place, request, out address);
            return default;
        }

        int kind = request.Mobility;
        Allocations[kind]++;
        int first = place.Pageblock;
        if (place.From >= 0)
        {
            if (place.From != kind)
            {
                Fallbacks[kind]++;
                ConvertIfMostlyFree(first, place.Order, kind);
            }

            int start = place.Across ? place.Granule : place.Index << place.Order;
            int begin = BeginOfHole(first, start, start - LongestHole);
            int end = EndOfHole(first, start, place.Granule + (int)request.Granules + LongestHole);
            RemoveHole(first, end - begin);
            AddHole(first, place.Granule - begin);
            AddHole(first, end - place.Granule - (int)request.Granules);
            if (place.Across)
            {
                CarveAcross(place, (int)request.Granules);
            }
            else
            {
                RemoveFree(first, place.Order, place.Index);
                Carve(first, place.Order, place.Granule, request.Order, (int)request.Granules);
            }

            MarkLive(first, place.Granule, (int)request.Granules, request.Slack, request.Owner);
        }
        else
        {
            TakeWhole(place.Pageblock, place.Granule, request);
        }

        FreeGranules -= request.Granules;
        LiveBlocks++;
        long offset = ((long)first << _blockShift) + ((long)place.Granule << GranuleShift);
        address = Start + (nint)offset;
        return UseClean(offset, request.Granules << GranuleShift);
    }

    /// <summary>Where a live block begins, if an address is one.</summary>
    internal bool TryLocate(nint address, out int pageblock, out int granule)
    {
        nuint offset = (nuint)(address - Start);
        pageblock = (int)(offset >> _blockShift);
        granule = (int)(offset >> GranuleShift) & (_granules - 1);
        return offset < (nuint)Bytes && (offset & (((nuint)1 << GranuleShift) - 1)) == 0 && HasTables(pageblock) && Bits.Test(Heads(pageblock), granule);
    }

    /// <summary>Length of a live block.</summary>
    internal long GranulesAt(int pageblock, int granule)
    {
        Pageblock* header = Header(pageblock);
        return header->State == PageblockState.Covered
            ? ((long)header->Span << _localOrders) + header->SpanTail
            : Bits.NextSet(Ends(pageblock), granule, _granules) - granule + 1;
    }

    internal OwnerId OwnerAt(int pageblock, int granule) => Header(pageblock)->HasOwners == 0 ? default : new OwnerId(Owners(pageblock)[granule]);

    internal int SlackAt(int pageblock, int granule) => _slackBytes == 1 ? ((byte*)Slacks(pageblock))[granule] : ((ushort*)Slacks(pageblock))[granule];

    /// <summary>Takes a live block back.</summary>
    internal void Release(int pageblock, int granule, long granules)
    {
        Bits.Clear(Heads(pageblock), granule);
        Bits.Set(Freed(pageblock), granule);
        Pageblock* header = Header(pageblock);
        header->HasHistory = 1;
        FreeGranules += granules;
        LiveBlocks--;
        if (header->State != PageblockState.Covered)
        {
            if (granules > ParkedSizes || _parkedLeast == 0 || !TryPark(header->Mobility, pageblock, granule, (int)granules))
            {
                ReleaseLocal(pageblock, granule, (int)granules);
            }

            return;
        }

        int span = header->Span;
        for (int covered = pageblock; covered < pageblock + span; covered++)
        {
            Header(covered)->SpanFirst = 0;
            CloseWhole(covered);
        }

        int tail = header->SpanTail;
        FreeWhole(pageblock, span);
        if (tail > 0)
        {
            Header(pageblock + span)->SpanFirst = 0;
            ReleaseLocal(pageblock + span, 0, tail);
        }
    }

    /// <summary>Frees everything and leaves what is committed committed.</summary>
    internal void Reset()
    {
        ForgetParked();
        for (int pageblock = 0; pageblock < _known; pageblock++)
        {
            Pageblock* header = Header(pageblock);
            if (header->HasTables == 0)
            {
                header->SpanFirst = 0;
                if (header->State != PageblockState.Free)
                {
                    CloseWhole(pageblock);
                }

                continue;
            }

            ulong* heads = Heads(pageblock);
            ulong* freed = Freed(pageblock);
            for (int word = 0; word < _bitWords; word++)
            {
                freed[word] |= heads[word];
                header->HasHistory |= heads[word] != 0 ? (byte)1 : (byte)0;
                heads[word] = 0;
            }

            new Span<ulong>(Summaries(pageblock), _freeWords).Clear();
            ForgetHoles(pageblock);
            header->Orders = 0;
            header->SpanFirst = 0;
            if (header->State != PageblockState.Free)
            {
                CloseWhole(pageblock);
            }
        }

        foreach (BitTree tree in _whole)
        {
            tree.Clear();
        }

        foreach (BitTree tree in _divided)
        {
            tree.Clear();
        }

        Array.Clear(_dividedOrders);
        _freeWholeOrders = 0;
        FreeGranules = TotalGranules;
        LiveBlocks = 0;
        FreeWhole(0, _pageblocks);
    }

    private void TakeWhole(int first, int granule, in BuddyRequest request)
    {
        int full = (int)(request.Granules >> _localOrders);
        int rest = (int)(request.Granules & (_granules - 1));
        TakeRun(first, full + (rest > 0 ? 1 : 0));
        if (full == 0)
        {
            OpenDivided(first, request.Mobility, spanFirst: 0);
            Carve(first, _localOrders, granule, Math.Min(request.Order, _localOrders), rest);
            AddHole(first, granule);
            AddHole(first, _granules - granule - rest);
            MarkLive(first, granule, rest, request.Slack, request.Owner);
        }
        else if (rest > 0)
        {
            OpenTail(first + full, rest, request.Mobility, first + 1);
        }

        for (int covered = first; covered < first + full; covered++)
        {
            OpenWhole(covered, PageblockState.Covered);
            Cover(covered, first, request.Mobility);
        }

        if (full > 0)
        {
            Header(first)->Span = full;
            Header(first)->SpanTail = rest;
            Bits.Set(Heads(first), 0);
            RecordAt(first, 0, request.Slack, request.Owner);
        }
    }

    /// <summary>Makes a pageblock, which is in no index any more, a part of a block that begins with another, or with it. How long that is, is for the caller to note.</summary>
    private void Cover(int pageblock, int first, int mobility)
    {
        Pageblock* header = Header(pageblock);
        header->Mobility = (byte)mobility;
        header->SpanFirst = first + 1;
        header->Span = 0;
        header->SpanTail = 0;
        if (header->HasHistory != 0)
        {
            new Span<ulong>(Freed(pageblock), _bitWords).Clear();
            header->HasHistory = 0;
        }

        DropKept(pageblock);
        header->IsForgotten = 0;
    }

    /// <summary>Gives a block the first granules of a free pageblock, which is in no index any more.</summary>
    private void OpenTail(int pageblock, int granules, int mobility, int spanFirst)
    {
        OpenDivided(pageblock, mobility, spanFirst);
        Carve(pageblock, _localOrders, 0, BitOperations.Log2(BitOperations.RoundUpToPowerOf2((uint)granules)), granules);
        AddHole(pageblock, _granules - granules);
        Bits.ClearRange(Freed(pageblock), 0, granules);
    }

    private void OpenDivided(int pageblock, int mobility, int spanFirst)
    {
        Pageblock* header = OpenWhole(pageblock, PageblockState.Divided);
        header->Mobility = (byte)mobility;
        header->FreeGranules = _granules;
        header->Span = 0;
        header->SpanFirst = spanFirst;
        header->IsRoomToGrow = 0;
    }

    private void MarkLive(int pageblock, int granule, int granules, int slack, OwnerId owner)
    {
        Bits.ClearRange(Freed(pageblock), granule, granule + granules);
        Bits.ClearRange(Ends(pageblock), granule, granule + granules);
        Bits.Set(Heads(pageblock), granule);
        Bits.Set(Ends(pageblock), granule + granules - 1);
        RecordAt(pageblock, granule, slack, owner);
    }

    private void RecordAt(int pageblock, int granule, int slack, OwnerId owner)
    {
        if (_slackBytes == 1)
        {
            ((byte*)Slacks(pageblock))[granule] = (byte)slack;
        }
        else
        {
            ((ushort*)Slacks(pageblock))[granule] = (ushort)slack;
        }

        if (Header(pageblock)->HasOwners != 0)
        {
            Owners(pageblock)[granule] = owner.Value;
        }
    }

    private Pageblock* OpenWhole(int pageblock, PageblockState state)
    {
        Pageblock* header = Header(pageblock);
        header->State = state;
        CountIdle(pageblock, -header->CommittedPages);
        return header;
    }

    private void CloseWhole(int pageblock)
    {
        Header(pageblock)->State = PageblockState.Free;
        CountIdle(pageblock, Header(pageblock)->CommittedPages);
    }
}
