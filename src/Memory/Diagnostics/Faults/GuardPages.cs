using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// Blocks on pages of their own: right-aligned to a page that cannot be accessed, and decommitted when freed. Freed pages are used again only when no others are left, the oldest first,
/// so that an access after the free has the longest time to fault. Thread-safe.
/// </summary>
internal sealed class GuardPages : IDisposable
{
    private readonly BlockMemory _memory;
    private readonly RunTree _free;
    private readonly long _page = VirtualMemory.PageSize;
    private readonly Quarantine _freed = new(0);
    private AllocatorLock _lock;
    private bool _disposed;

    /// <summary>Reserves the address space.</summary>
    /// <param name="name">Name for errors.</param>
    /// <param name="bytes">How much.</param>
    /// <param name="beneath">Whose limit and budget hold for what is committed here.</param>
    /// <exception cref="VirtualMemoryException">The system refused.</exception>
    internal GuardPages(string name, long bytes, MemoryAllocator beneath)
    {
        long pages = Math.Clamp(bytes / _page, 2, int.MaxValue / 2);
        _memory = new BlockMemory(name, pages * _page, _page, pages * _page, budget: null, beneath);
        _free = new RunTree((int)pages);
    }

    internal long ReservedBytes => _memory.ReservedBytes;

    internal long CommittedBytes => _memory.CommittedBytes;

    internal long PeakCommittedBytes => _memory.PeakCommittedBytes;

    internal long MetadataBytes => _free.Bytes + _freed.MetadataBytes;

    internal bool Contains(nint address) => _memory.Contains(address);

    /// <summary>Commits pages for a block and places it at their end; false when there is no room, here or within the limit and the budget beneath, no mapping to spare, the system refuses, or the alignment is larger than a page.</summary>
    /// <param name="size">Bytes asked for.</param>
    /// <param name="alignment">A power of two.</param>
    /// <param name="leave">Told of each freed block whose pages are used again.</param>
    /// <param name="block">First page, bytes of its pages, and the block itself.</param>
    internal bool TryTake(nuint size, nuint alignment, Action<nint> leave, out (nint Start, long Bytes, nint Address) block)
    {
        block = default;
        if (alignment > (nuint)_page || size > (nuint)(_memory.Bytes - _page) || VirtualMemory.IsShortOfMappings)
        {
            return false;
        }

        long bytes = ((long)size + _page - 1) / _page * _page;
        int pages = (int)(bytes / _page) + 1;
        if (!_memory.TryCharge(bytes))
        {
            return false;
        }

        int first = -1;
        try
        {
            while (first < 0)
            {
                first = TryTakePages(pages, bytes);
                if (first < 0)
                {
                    if (!_freed.TryLeave(always: true, out nint oldest))
                    {
                        return false;
                    }

                    leave(oldest);
                }
            }
        }
        catch (VirtualMemoryException)
        {
            return false;
        }
        finally
        {
            if (first < 0)
            {
                _memory.Refund(bytes);
            }
        }

        nint start = _memory.Start + (nint)(first * _page);
        nuint mask = nuint.Max(alignment, MemoryAllocator.DefaultAlignment) - 1;
        block = (start, bytes, start + (nint)bytes - (nint)((size + mask) & ~mask));
        return true;
    }

    /// <summary>Makes a block's pages inaccessible and queues it for reuse.</summary>
    internal void Retire(nint address, nint start, long bytes)
    {
        _lock.Enter();
        bool gone = !_disposed && _memory.TryDecommit(start, bytes, inaccessible: true);
        _lock.Exit();

        // Where the system refuses, having too many mappings, the pages stay as they are and are never used again; nor are those that cannot be queued.
        if (gone)
        {
            _memory.Refund(bytes);
            _freed.TryAdd(address, bytes);
        }
    }

    /// <summary>Lets a retired block's pages be used again.</summary>
    internal void Reuse(nint start, long bytes)
    {
        _lock.Enter();
        _free.Set((int)((start - _memory.Start) / _page), (int)(bytes / _page) + 1, free: true);
        _lock.Exit();
    }

    internal bool IsConsistent()
    {
        _lock.Enter();
        bool consistent = _free.IsConsistent();
        _lock.Exit();
        return consistent;
    }

    public void Dispose()
    {
        _lock.Enter();
        _disposed = true;
        _lock.Exit();
        _freed.Dispose();
        _memory.Dispose();
    }

    private int TryTakePages(int pages, long bytes)
    {
        _lock.Enter();
        try
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(DiagnosticLayer));
            int first = _free.Find(pages);
            if (first >= 0)
            {
                _memory.Commit(_memory.Start + (nint)(first * _page), bytes, exact: true);
                _free.Set(first, pages, free: false);
            }

            return first;
        }
        finally
        {
            _lock.Exit();
        }
    }
}
