using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>The tables beside the memory, and which pages of the memory are committed.</summary>
internal sealed unsafe partial class BuddyArea
{
    private const int CacheLineBytes = 64;

    private readonly BitTree _idleWhole;
    private nint _tables;
    private nuint _tablesReserved;
    private nint _chunks;
    private nint _owners;
    private int _headerBytes;
    private int _chunkBytes;
    private int _pageWords;
    private int _pagesPerBlockLog;
    private int _bitWords;
    private int _freeWords;
    private int _slackBytes;
    private int _holeCounts;
    private int[] _freeOffsets = [];
    private int _known;
    private long _ownerTables;
    private long _headersCommitted;
    private long _idleWholePages;
    private long _usedPages;

    /// <summary>Bytes that the tables and trees take.</summary>
    internal long MetadataBytes
    {
        get
        {
            long bytes = _idleWhole.Bytes + ((_holeGroups.Length + _holeBits.Length) * sizeof(ulong)) + _headersCommitted + CountTableBytes() + (_ownerTables * _granules * sizeof(int)) + _keptBytes + ParkedBytes();
            foreach (BitTree tree in _whole)
            {
                bytes += tree.Bytes;
            }

            foreach (BitTree tree in _divided)
            {
                bytes += tree.Bytes;
            }

            return bytes;
        }
    }

    internal long TablesReservedBytes => (long)_tablesReserved;

    /// <summary>Pageblocks that have been in use.</summary>
    internal int KnownPageblocks => _known;

    internal long PagesOf(long bytes) => (bytes + VirtualMemory.PageSize - 1) >> _pageShift;

    public void Dispose()
    {
        if (_tables != 0)
        {
            VirtualMemory.Release(_tables, _tablesReserved);
            _tables = 0;
            _known = 0;
        }
    }

    /// <summary>Commits the tables that handing out a cut will write to, so that it cannot fail half-way. Most callers name no owner, so owners have a table only where one did.</summary>
    /// <exception cref="VirtualMemoryException">The system refused; nothing that anybody could notice has changed.</exception>
    internal void PrepareTables(in BuddyPlace place, in BuddyRequest request)
    {
        int full = place.From >= 0 ? 0 : (int)(request.Granules >> _localOrders);
        bool tail = place.From < 0 && (request.Granules & (_granules - 1)) != 0;
        if (!place.IsParked)
        {
            EnsureTables(place.Pageblock);
        }

        if (tail)
        {
            EnsureTables(place.Pageblock + full);
        }
        else if (full > 1)
        {
            EnsureHeaders(place.Pageblock + full - 1);
        }

        if (request.Owner != OwnerId.None)
        {
            EnsureOwners(place.Pageblock);
        }
    }

    private void EnsureOwners(int pageblock)
    {
        Pageblock* header = Header(pageblock);
        if (header->HasOwners == 0)
        {
            CommitTable((nint)Owners(pageblock), _granules * sizeof(int));
            header->HasOwners = 1;
            _ownerTables++;
        }
    }

    /// <summary>
    /// Asks for what a free of an address will read, all at once: without it each table is a miss of its own, one behind the other. Without the lock, since asking changes nothing
    /// and does not fail.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void FetchTables(nint address)
    {
        nuint offset = (nuint)(address - Start);
        if (offset < (nuint)Bytes)
        {
            FetchTables((int)(offset >> _blockShift), (int)(offset >> GranuleShift) & (_granules - 1));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void FetchTables(int pageblock, int granule)
    {
        ulong* word = Heads(pageblock) + (granule >> 6);
        Prefetch.Line(word);
        Prefetch.Line(word + _bitWords);
        Prefetch.Line(word + (2 * _bitWords));
        Prefetch.Line((byte*)Slacks(pageblock) + ((nint)granule * _slackBytes));
    }

    private bool HasTables(int pageblock) => pageblock < _known && Header(pageblock)->HasTables != 0;

    private void EnsureTables(int pageblock)
    {
        EnsureHeaders(pageblock);
        if (Header(pageblock)->HasTables == 0)
        {
            CommitTable((nint)Heads(pageblock), _chunkBytes);
            Restore(pageblock);
            Header(pageblock)->HasTables = 1;
        }
    }

    /// <summary>Commits the headers of every pageblock up to one. Repeating a commit does no harm, so a failure half-way needs no undoing.</summary>
    private void EnsureHeaders(int pageblock)
    {
        if (pageblock >= _known)
        {
            nint first = (nint)Header(pageblock) & ~((nint)VirtualMemory.PageSize - 1);
            int known = (int)Math.Min(_pageblocks, (_chunks - first) / _headerBytes);
            _headersCommitted = CommitTable(first, _chunks - first);
            EnsureHoles(known);
            _known = known;
        }
    }

    /// <summary>Makes room in the sets of pageblocks that are divided or idle, which only those have been that are known: a small program must not pay for a gigabyte.</summary>
    private void GrowTrees(int pageblocks)
    {
        _idleWhole.Grow(pageblocks);
        foreach (BitTree tree in _divided)
        {
            tree.Grow(pageblocks);
        }
    }

    private static long CommitTable(nint address, long bytes)
    {
        nint page = address & ~((nint)VirtualMemory.PageSize - 1);
        long whole = (address + (nint)bytes - page + VirtualMemory.PageSize - 1) / VirtualMemory.PageSize * VirtualMemory.PageSize;
        VirtualMemory.Commit(page, (nuint)whole);
        return whole;
    }

    /// <summary>
    /// Reserves the tables: the headers with the last pageblock's first, the tables of granules from the first pageblock on, and the owners. So the first headers and the first table are neighbours, and
    /// share a page where they fit into one: a small program, which has one pageblock, needs no other.
    /// </summary>
    private void LayOutTables()
    {
        _pagesPerBlockLog = _blockShift - _pageShift;
        _pageWords = Math.Max(1, (1 << _pagesPerBlockLog) >> 6);
        _headerBytes = Pageblock.Bytes + (2 * _pageWords * sizeof(ulong));
        _bitWords = Math.Max(1, _granules >> 6);
        _slackBytes = GranuleShift <= 8 ? 1 : 2;
        _freeOffsets = new int[_localOrders];
        _freeWords = _localOrders;
        for (int order = 0; order < _localOrders; order++)
        {
            _freeOffsets[order] = _freeWords;
            _freeWords += Math.Max(1, _granules >> order >> 6);
        }

        _holeCounts = (((3 * _bitWords) + _freeWords) * sizeof(ulong)) + (((_granules * _slackBytes) + 7) & ~7);
        _chunkBytes = _holeCounts + (HoleClasses * sizeof(ushort));
        long beside = (VirtualMemory.PageSize - (_chunkBytes % VirtualMemory.PageSize)) & ~(CacheLineBytes - 1);
        beside = beside >= _headerBytes ? beside : 0;
        long headers = WholePages(Math.Max(0, ((long)_pageblocks * _headerBytes) - beside)) + beside;
        long chunks = WholePages(headers + ((long)_pageblocks * _chunkBytes)) - headers;
        long owners = WholePages((long)_pageblocks * _granules * sizeof(int));
        _tablesReserved = (nuint)(headers + chunks + owners);
        _tables = VirtualMemory.Reserve(_tablesReserved);
        _chunks = _tables + (nint)headers;
        _owners = _chunks + (nint)chunks;
    }

    private static long WholePages(long bytes) => (bytes + VirtualMemory.PageSize - 1) / VirtualMemory.PageSize * VirtualMemory.PageSize;

    private Pageblock* Header(int pageblock) => (Pageblock*)(_chunks - ((pageblock + (nint)1) * _headerBytes));

    private ulong* Committed(int pageblock) => (ulong*)(Header(pageblock) + 1);

    private ulong* Clean(int pageblock) => Committed(pageblock) + _pageWords;

    private ulong* Heads(int pageblock) => (ulong*)(_chunks + ((nint)pageblock * _chunkBytes));

    private ulong* Freed(int pageblock) => Heads(pageblock) + _bitWords;

    private ulong* Ends(int pageblock) => Heads(pageblock) + (2 * _bitWords);

    private ulong* Summaries(int pageblock) => Heads(pageblock) + (3 * _bitWords);

    private ulong* FreeBits(int pageblock, int order) => Summaries(pageblock) + _freeOffsets[order];

    private void* Slacks(int pageblock) => Summaries(pageblock) + _freeWords;

    private ushort* HoleCounts(int pageblock) => (ushort*)((nint)Heads(pageblock) + _holeCounts);

    private int* Owners(int pageblock) => (int*)_owners + ((long)pageblock << _localOrders);
}
