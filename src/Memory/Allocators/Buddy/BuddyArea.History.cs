using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// Giving back the tables of pageblocks that are free as a whole. What they say of blocks that were freed there is kept in a few bytes a block, so that a double free can still name the
/// last size and owner; where that would be too much, it is forgotten and only the double free itself is still found.
/// </summary>
internal sealed unsafe partial class BuddyArea
{
    // Position, granules and unused bytes of a freed block, and two more for its owner where anybody named one.
    private const int LifeWords = 3;
    private const int OwnedLifeWords = 5;

    // What is kept in all: this part of what is live, or this much when that is more.
    private const int KeptPartLog = 6;
    private const long LeastKeptBytes = 64 << 10;
    private const int KeptHeaderBytes = 64;

    private readonly Dictionary<int, KeptLives> _kept = [];
    private long _keptBytes;

    /// <summary>Gives back the tables of a pageblock when it is free.</summary>
    internal void TrimTables(int pageblock)
    {
        Pageblock* header = Header(pageblock);
        long most = Math.Max(LeastKeptBytes, (TotalGranules - FreeGranules) << GranuleShift >> KeptPartLog);
        if (header->HasTables == 0)
        {
            if (_keptBytes > most && _kept.ContainsKey(pageblock))
            {
                Forget(pageblock);
            }

            return;
        }

        if (header->State != PageblockState.Free)
        {
            return;
        }

        if (header->HasHistory != 0)
        {
            Keep(pageblock, most);
        }

        header->HasHistory = 0;
        header->HasTables = 0;
        new Span<byte>(Heads(pageblock), _chunkBytes).Clear();
        if (header->HasOwners != 0)
        {
            header->HasOwners = 0;
            _ownerTables--;
            new Span<int>(Owners(pageblock), _granules).Clear();
            int first = pageblock;
            int end = pageblock + 1;
            while (first > 0 && Header(first - 1)->HasOwners == 0)
            {
                first--;
            }

            while (end < _known && Header(end)->HasOwners == 0)
            {
                end++;
            }

            ReturnPages(_owners, first, end, _granules * sizeof(int));
        }

        // One call for a run of pageblocks: the last of it gives back the pages of all.
        if (pageblock + 1 == _known || Header(pageblock + 1)->HasTables == 0 || Header(pageblock + 1)->State != PageblockState.Free)
        {
            int first = pageblock;
            int end = pageblock + 1;
            while (first > 0 && Header(first - 1)->HasTables == 0)
            {
                first--;
            }

            while (end < _known && Header(end)->HasTables == 0)
            {
                end++;
            }

            ReturnPages(_chunks, first, end, _chunkBytes);
        }
    }

    /// <summary>What is known of a freed block whose tables are gone; false when none began there, or it is forgotten.</summary>
    private bool TryRecall(int pageblock, int granule, out long requestedBytes, out OwnerId owner)
    {
        requestedBytes = 0;
        owner = default;
        if (!_kept.TryGetValue(pageblock, out KeptLives lives))
        {
            return false;
        }

        for (int i = 0; i < lives.Words.Length; i += lives.Stride)
        {
            if (lives.Words[i] == granule)
            {
                long granules = granule == 0 && Header(pageblock)->Span > 0 ? SpanGranules(pageblock) : lives.Words[i + 1];
                requestedBytes = granules == 0 ? 0 : (granules << GranuleShift) - lives.Words[i + 2];
                owner = lives.OwnerAt(i);
                return true;
            }
        }

        return false;
    }

    private long SpanGranules(int pageblock) => ((long)Header(pageblock)->Span << _localOrders) + Header(pageblock)->SpanTail;

    private void Keep(int pageblock, long most)
    {
        int count = Bits.Count(Freed(pageblock), 0, _granules);
        int stride = Header(pageblock)->HasOwners != 0 ? OwnedLifeWords : LifeWords;
        long bytes = ((long)count * stride * sizeof(ushort)) + KeptHeaderBytes;
        if (_keptBytes + bytes > most)
        {
            Header(pageblock)->IsForgotten = 1;
            return;
        }

        ushort[] words = new ushort[count * stride];
        int next = 0;
        for (int granule = Bits.NextSet(Freed(pageblock), 0, _granules); granule < _granules; granule = Bits.NextSet(Freed(pageblock), granule + 1, _granules))
        {
            words[next] = (ushort)granule;
            words[next + 1] = granule == 0 && Header(pageblock)->Span > 0 ? (ushort)0 : (ushort)LastGranules(pageblock, granule);
            words[next + 2] = (ushort)SlackAt(pageblock, granule);
            if (stride == OwnedLifeWords)
            {
                int owner = OwnerAt(pageblock, granule).Value;
                words[next + 3] = (ushort)owner;
                words[next + 4] = (ushort)(owner >> 16);
            }

            next += stride;
        }

        _kept.Add(pageblock, new KeptLives(words, stride));
        _keptBytes += bytes;
    }

    /// <summary>Writes what was kept of a pageblock into its new tables.</summary>
    /// <exception cref="VirtualMemoryException">The system refused a table for the owners; everything is as before.</exception>
    private void Restore(int pageblock)
    {
        if (!_kept.TryGetValue(pageblock, out KeptLives lives))
        {
            return;
        }

        if (lives.Stride == OwnedLifeWords)
        {
            EnsureOwners(pageblock);
        }

        for (int i = 0; i < lives.Words.Length; i += lives.Stride)
        {
            int granule = lives.Words[i];
            int granules = lives.Words[i + 1];
            Bits.Set(Freed(pageblock), granule);
            if (granules > 0)
            {
                Bits.Set(Ends(pageblock), granule + granules - 1);
            }

            RecordAt(pageblock, granule, lives.Words[i + 2], lives.OwnerAt(i));
        }

        Header(pageblock)->HasHistory = 1;
        DropKept(pageblock);
    }

    private void Forget(int pageblock)
    {
        DropKept(pageblock);
        Header(pageblock)->IsForgotten = 1;
    }

    private void DropKept(int pageblock)
    {
        if (_kept.Remove(pageblock, out KeptLives lives))
        {
            _keptBytes -= (lives.Words.Length * sizeof(ushort)) + KeptHeaderBytes;
        }
    }

    /// <summary>Bytes in pages of granule tables, without the one that headers are in; two tables may share a page.</summary>
    private long CountTableBytes()
    {
        nint page = VirtualMemory.PageSize;
        nint counted = (_chunks + page - 1) & ~(page - 1);
        long bytes = 0;
        for (int pageblock = 0; pageblock < _known; pageblock++)
        {
            if (Header(pageblock)->HasTables != 0)
            {
                nint start = _chunks + ((nint)pageblock * _chunkBytes);
                nint end = (start + _chunkBytes + page - 1) & ~(page - 1);
                bytes += end - Math.Max(counted, start & ~(page - 1));
                counted = end;
            }
        }

        return bytes;
    }

    /// <summary>Gives back the pages that lie as a whole in the tables from one pageblock to before another, all of them cleared.</summary>
    private static void ReturnPages(nint tables, int first, int end, int bytes)
    {
        nint page = VirtualMemory.PageSize;
        nint from = (tables + ((nint)first * bytes) + page - 1) & ~(page - 1);
        nint to = (tables + ((nint)end * bytes)) & ~(page - 1);
        if (to <= from)
        {
            return;
        }

        try
        {
            VirtualMemory.Decommit(from, (nuint)(to - from));
        }
        catch (VirtualMemoryException)
        {
            // The process has too many mappings to split one more: the pages stay, and are zero already as they must be when they are used again.
        }
    }

    /// <summary>The freed blocks of one pageblock.</summary>
    private readonly record struct KeptLives(ushort[] Words, int Stride)
    {
        internal OwnerId OwnerAt(int index) => Stride == OwnedLifeWords ? new OwnerId(Words[index + 3] | (Words[index + 4] << 16)) : default;
    }
}
