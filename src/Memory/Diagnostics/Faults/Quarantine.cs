using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Freed blocks in the order in which they were freed, up to a number of bytes. Thread-safe; the list lies outside the GC heap.</summary>
internal sealed unsafe class Quarantine(long capacityBytes) : IDisposable
{
    private const int FirstLength = 256;

    private AllocatorLock _lock;
    private Entry* _ring;
    private int _length;
    private int _first;
    private int _count;
    private long _bytes;
    private bool _disposed;

    /// <summary>Bytes it may hold.</summary>
    internal long CapacityBytes { get; } = capacityBytes;

    internal int Count => Volatile.Read(ref _count);

    /// <summary>Bytes the list itself takes.</summary>
    internal long MetadataBytes => Volatile.Read(ref _length) * (long)sizeof(Entry);

    /// <summary>Adds a block; false when the list would have to grow and the system refuses.</summary>
    internal bool TryAdd(nint address, long bytes)
    {
        _lock.Enter();
        try
        {
            if (_disposed || (_count == _length && !TryGrow()))
            {
                return false;
            }

            _ring[(_first + _count) & (_length - 1)] = new Entry(address, bytes);
            _count++;
            _bytes += bytes;
            return true;
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <summary>Takes the oldest block out if more bytes are held than may be, or in any case.</summary>
    internal bool TryLeave(bool always, out nint address)
    {
        _lock.Enter();
        bool leaves = _count > 0 && (always || _bytes > CapacityBytes);
        address = 0;
        if (leaves)
        {
            Entry oldest = _ring[_first];
            address = oldest.Address;
            _first = (_first + 1) & (_length - 1);
            _count--;
            _bytes -= oldest.Bytes;
        }

        _lock.Exit();
        return leaves;
    }

    /// <summary>Takes out what is not held any more, in one walk over all.</summary>
    internal void RemoveUnless(Func<nint, bool> isHeld)
    {
        _lock.Enter();
        int kept = 0;
        for (int i = 0; i < _count; i++)
        {
            Entry entry = _ring[(_first + i) & (_length - 1)];
            if (isHeld(entry.Address))
            {
                _ring[(_first + kept++) & (_length - 1)] = entry;
            }
            else
            {
                _bytes -= entry.Bytes;
            }
        }

        Volatile.Write(ref _count, kept);
        _lock.Exit();
    }

    internal void Clear()
    {
        _lock.Enter();
        _count = 0;
        _bytes = 0;
        _lock.Exit();
    }

    public void Dispose()
    {
        _lock.Enter();
        if (_length > 0)
        {
            VirtualMemory.Release((nint)_ring, (nuint)MetadataBytes);
        }

        _disposed = true;
        _length = 0;
        _count = 0;
        _bytes = 0;
        _lock.Exit();
    }

    private bool TryGrow()
    {
        int length = Math.Max(FirstLength, _length * 2);
        nuint bytes = (nuint)length * (nuint)sizeof(Entry);
        nint memory = 0;
        try
        {
            memory = VirtualMemory.Reserve(bytes);
            VirtualMemory.Commit(memory, bytes);
        }
        catch (VirtualMemoryException)
        {
            if (memory != 0)
            {
                VirtualMemory.Release(memory, bytes);
            }

            return false;
        }

        Entry* ring = (Entry*)memory;
        for (int i = 0; i < _count; i++)
        {
            ring[i] = _ring[(_first + i) & (_length - 1)];
        }

        if (_length > 0)
        {
            VirtualMemory.Release((nint)_ring, (nuint)MetadataBytes);
        }

        _ring = ring;
        _first = 0;
        Volatile.Write(ref _length, length);
        return true;
    }

    private readonly record struct Entry(nint Address, long Bytes);
}
