using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// Memory for bookkeeping, in multiples of a cache line, used again only for the same size: a thread that is late may still look at what was a slab's header and must find one.
/// Under the allocator's lock. It is never decommitted before the allocator is disposed.
/// </summary>
internal sealed unsafe class SlabArena : IDisposable
{
    private const int Line = 64;
    private const long Step = 64 << 10;

    // Behind the header's fields that a late thread looks at, and within the shortest piece.
    private const int FreeLink = 56;

    // A header with states: at first, of one unit of the smallest blocks; at most, of as many blocks as there can be, and the state behind them.
    private const int FirstHeaderLines = (Slab.HeaderBytes + (SlabChunks.UnitBytes / SlabGeometry.LeastBytes)) / Line;
    private const int MostHeaderLines = (Slab.HeaderBytes + SlabGeometry.MaxBlocks + Line) / Line;
    private const int MostTagLines = SlabGeometry.MaxBlocks * sizeof(int) / Line;

    private readonly nint _reservation;
    private readonly long _bytes;

    // By how many lines a piece has, as long as the pieces need that there were: those of a small program are short.
    private nint[] _freeHeaders = new nint[FirstHeaderLines + 1];
    private nint[] _freeTags = [];
    private long _committed;
    private long _used;

    /// <summary>Reserves address space for the units' table, committed at once, and for what comes.</summary>
    internal SlabArena(long tableBytes, long bytes)
    {
        long page = VirtualMemory.PageSize;
        tableBytes = (tableBytes + page - 1) / page * page;
        _bytes = tableBytes + ((bytes + Step - 1) / Step * Step);
        _reservation = VirtualMemory.Reserve((nuint)_bytes);
        try
        {
            VirtualMemory.Commit(_reservation, (nuint)tableBytes);
        }
        catch (VirtualMemoryException)
        {
            VirtualMemory.Release(_reservation, (nuint)_bytes);
            throw;
        }

        _committed = tableBytes;
        _used = tableBytes;
        Table = _reservation;
        TableBytes = tableBytes;
    }

    /// <summary>The table, zeroed.</summary>
    internal nint Table { get; }

    /// <summary>Bytes of it.</summary>
    internal long TableBytes { get; }

    /// <summary>Bytes that were needed so far, the table left out.</summary>
    internal long UsedBytes => _used - TableBytes + ((_freeHeaders.Length + _freeTags.Length) * sizeof(nint));

    /// <summary>Takes memory at a multiple of a line. Its contents are undefined.</summary>
    /// <exception cref="VirtualMemoryException">The system refused; nothing has changed.</exception>
    internal void* Take(int bytes, bool tags = false)
    {
        int lines = (bytes + Line - 1) / Line;
        ref nint[] lists = ref tags ? ref _freeTags : ref _freeHeaders;
        if (lines >= lists.Length)
        {
            // Here, where it may fail, because a return must not.
            Array.Resize(ref lists, (tags ? MostTagLines : MostHeaderLines) + 1);
        }

        ref nint free = ref lists[lines];
        nint memory = free;
        if (memory != 0)
        {
            free = *(nint*)(memory + FreeLink);
            return (void*)memory;
        }

        long end = _used + ((long)lines * Line);
        if (end > _committed)
        {
            long more = Math.Min((end - _committed + Step - 1) / Step * Step, _bytes - _committed);
            if (more < end - _committed)
            {
                throw new VirtualMemoryException("Commit", _reservation + (nint)_committed, (nuint)bytes, 0, "the address space for bookkeeping is used up");
            }

            VirtualMemory.Commit(_reservation + (nint)_committed, (nuint)more);
            _committed += more;
        }

        memory = _reservation + (nint)_used;
        _used = end;
        return (void*)memory;
    }

    /// <summary>Gives back what <see cref="Take"/> gave for the same size.</summary>
    internal void Return(void* memory, int bytes, bool tags = false)
    {
        int lines = (bytes + Line - 1) / Line;
        ref nint free = ref (tags ? _freeTags : _freeHeaders)[lines];
        *(nint*)((nint)memory + FreeLink) = free;
        free = (nint)memory;
    }

    public void Dispose() => VirtualMemory.Release(_reservation, (nuint)_bytes);
}
