using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// A number for those blocks that have one: the owner, or the slot of the movable handle. Kept per bucket of 1,024 granules as an array sorted by granule, six bytes an entry, so that
/// blocks without a tag cost nothing, and looking up, adding and removing take some ten steps and one short move of memory.
/// A word per granule was rejected because it costs a quarter of the memory it describes, a hash table because it stops everybody while it grows.
/// </summary>
/// <remarks>A bucket belongs to one zone and is used under that zone's lock; the pool that the arrays come from has a lock of its own.</remarks>
internal sealed unsafe class BlockTags : IDisposable
{
    internal const int BucketShift = 10;

    private const int BucketMask = (1 << BucketShift) - 1;
    private const int EntryBytes = sizeof(int) + sizeof(ushort);
    private const int UnitBytes = 64;
    private const ushort MovableFlag = 0x8000;

    // Sizes of arrays in units of 64 bytes. The last holds an entry for every granule of a bucket.
    private static readonly byte[] s_units = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96];

    private readonly nint _area;
    private readonly nuint _areaBytes;
    private readonly Bucket* _buckets;
    private readonly byte* _pool;
    private readonly uint _poolUnits;
    private readonly bool[] _bucketsCommitted;
    private readonly uint[] _freeArrays = new uint[s_units.Length];
    private AllocatorLock _lock;
    private uint _nextUnit = 1;
    private long _arraysInUse;
    private long _poolCommittedBytes;
    private long _metadataBytes;
    private bool _released;

    internal BlockTags(int granules)
    {
        int page = VirtualMemory.PageSize;
        int bucketCount = (granules + BucketMask) >> BucketShift;
        long buckets = Whole((long)bucketCount * sizeof(Bucket));

        // A full array for every bucket, and once more what smaller arrays may leave behind while they grow.
        long pool = Whole((long)bucketCount * s_units[^1] * UnitBytes * 2);
        _areaBytes = (nuint)(buckets + pool);
        _area = VirtualMemory.Reserve(_areaBytes);
        _buckets = (Bucket*)_area;
        _pool = (byte*)_area + buckets;
        _poolUnits = (uint)Math.Min(uint.MaxValue, pool / UnitBytes);
        _bucketsCommitted = new bool[buckets / page];
        _metadataBytes = _bucketsCommitted.Length + (_freeArrays.Length * sizeof(uint));
    }

    internal long MetadataBytes => Volatile.Read(ref _metadataBytes);

    /// <summary>Makes room for one more tag near a granule, so that <see cref="Add"/> cannot fail.</summary>
    /// <exception cref="VirtualMemoryException">The system refused; nothing has changed.</exception>
    internal void Prepare(int granule)
    {
        Bucket* bucket = Writable(granule >> BucketShift);
        if (bucket->Class != 0 && bucket->Count < Capacity(bucket->Class))
        {
            return;
        }

        byte wanted = (byte)(bucket->Class + 1);
        uint array;
        _lock.Enter();
        try
        {
            array = TakeArray(wanted);
        }
        finally
        {
            _lock.Exit();
        }

        if (bucket->Class != 0)
        {
            new ReadOnlySpan<int>(Values(bucket), bucket->Count).CopyTo(new Span<int>(ValuesAt(array), bucket->Count));
            new ReadOnlySpan<ushort>(Keys(bucket), bucket->Count).CopyTo(new Span<ushort>(KeysAt(array, wanted), bucket->Count));
            GiveArray(bucket);
        }

        bucket->Array = array;
        bucket->Class = wanted;
    }

    /// <summary>Adds a block's tag; <see cref="Prepare"/> came before.</summary>
    internal void Add(int granule, int value, bool movable)
    {
        Bucket* bucket = _buckets + (granule >> BucketShift);
        int at = ~Find(bucket, granule);
        int behind = bucket->Count - at;
        ushort* keys = Keys(bucket);
        int* values = Values(bucket);
        new ReadOnlySpan<ushort>(keys + at, behind).CopyTo(new Span<ushort>(keys + at + 1, behind));
        new ReadOnlySpan<int>(values + at, behind).CopyTo(new Span<int>(values + at + 1, behind));
        keys[at] = (ushort)((granule & BucketMask) | (movable ? MovableFlag : 0));
        values[at] = value;
        bucket->Count++;
    }

    /// <summary>Removes a block's tag, if it has one.</summary>
    internal void Remove(int granule)
    {
        Bucket* bucket = Readable(granule >> BucketShift);
        int at = bucket == null ? -1 : Find(bucket, granule);
        if (at < 0)
        {
            return;
        }

        int behind = bucket->Count - at - 1;
        ushort* keys = Keys(bucket);
        int* values = Values(bucket);
        new ReadOnlySpan<ushort>(keys + at + 1, behind).CopyTo(new Span<ushort>(keys + at, behind));
        new ReadOnlySpan<int>(values + at + 1, behind).CopyTo(new Span<int>(values + at, behind));
        if (--bucket->Count == 0)
        {
            GiveArray(bucket);
            *bucket = default;
        }
    }

    /// <summary>Asks the processor for the bucket of a granule.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Fetch(int granule) => Prefetch.Line(_buckets + (granule >> BucketShift));

    /// <summary>A block's tag; false when it has none.</summary>
    internal bool TryGet(int granule, out int value, out bool movable)
    {
        Bucket* bucket = Readable(granule >> BucketShift);
        int at = bucket == null ? -1 : Find(bucket, granule);
        value = at < 0 ? 0 : Values(bucket)[at];
        movable = at >= 0 && (Keys(bucket)[at] & MovableFlag) != 0;
        return at >= 0;
    }

    /// <summary>The last block before <paramref name="before"/>, and not before <paramref name="first"/>, that a movable handle holds; −1 when there is none.</summary>
    internal int LastMovableBefore(int before, int first, out int slot)
    {
        slot = 0;
        for (int index = (before - 1) >> BucketShift; index >= first >> BucketShift && before > first; index--)
        {
            Bucket* bucket = Readable(index);
            for (int i = bucket == null ? -1 : bucket->Count - 1; i >= 0; i--)
            {
                int granule = (index << BucketShift) + (Keys(bucket)[i] & BucketMask);
                if (granule < before && granule >= first && (Keys(bucket)[i] & MovableFlag) != 0)
                {
                    slot = Values(bucket)[i];
                    return granule;
                }
            }
        }

        return -1;
    }

    /// <summary>Removes every tag in a range of whole buckets.</summary>
    internal void Clear(int firstGranule, int granules)
    {
        for (int index = firstGranule >> BucketShift; index < (firstGranule + granules) >> BucketShift; index++)
        {
            Bucket* bucket = Readable(index);
            if (bucket != null && bucket->Class != 0)
            {
                GiveArray(bucket);
                *bucket = default;
            }
        }
    }

    /// <summary>Tags in a range of whole buckets.</summary>
    internal long Count(int firstGranule, int granules)
    {
        long count = 0;
        for (int index = firstGranule >> BucketShift; index < (firstGranule + granules) >> BucketShift; index++)
        {
            Bucket* bucket = Readable(index);
            count += bucket == null ? 0 : bucket->Count;
        }

        return count;
    }

    /// <summary>Gives the pool back when no bucket has an array.</summary>
    internal void Trim()
    {
        _lock.Enter();
        try
        {
            if (_arraysInUse == 0 && _poolCommittedBytes > 0)
            {
                VirtualMemory.Decommit((nint)_pool, (nuint)_poolCommittedBytes);
                _metadataBytes -= _poolCommittedBytes;
                _poolCommittedBytes = 0;
                _nextUnit = 1;
                Array.Clear(_freeArrays);
            }
        }
        catch (VirtualMemoryException)
        {
            // The process has too many mappings: the pool stays ours and is used again.
        }
        finally
        {
            _lock.Exit();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_released)
        {
            _released = true;
            VirtualMemory.Release(_area, _areaBytes);
            _metadataBytes = 0;
        }
    }

    private static long Whole(long bytes) => (bytes + VirtualMemory.PageSize - 1) / VirtualMemory.PageSize * VirtualMemory.PageSize;

    private static int Capacity(byte sizeClass) => Math.Min(1 << BucketShift, s_units[sizeClass - 1] * UnitBytes / EntryBytes);

    private int* ValuesAt(uint array) => (int*)(_pool + ((nint)array * UnitBytes));

    private ushort* KeysAt(uint array, byte sizeClass) => (ushort*)(ValuesAt(array) + Capacity(sizeClass));

    private int* Values(Bucket* bucket) => ValuesAt(bucket->Array);

    private ushort* Keys(Bucket* bucket) => KeysAt(bucket->Array, bucket->Class);

    private Bucket* Readable(int index)
        => Volatile.Read(ref _bucketsCommitted[(long)index * sizeof(Bucket) / VirtualMemory.PageSize]) ? _buckets + index : null;

    private Bucket* Writable(int index)
    {
        int page = (int)((long)index * sizeof(Bucket) / VirtualMemory.PageSize);
        if (!Volatile.Read(ref _bucketsCommitted[page]))
        {
            _lock.Enter();
            try
            {
                if (!_bucketsCommitted[page])
                {
                    VirtualMemory.Commit(_area + ((nint)page * VirtualMemory.PageSize), (nuint)VirtualMemory.PageSize);
                    _metadataBytes += VirtualMemory.PageSize;
                    Volatile.Write(ref _bucketsCommitted[page], true);
                }
            }
            finally
            {
                _lock.Exit();
            }
        }

        return _buckets + index;
    }

    /// <summary>Where a granule's entry is, or the complement of where it would be.</summary>
    private int Find(Bucket* bucket, int granule)
    {
        if (bucket->Count == 0)
        {
            return ~0;
        }

        ushort* keys = Keys(bucket);
        int wanted = granule & BucketMask;
        int low = 0;
        int high = bucket->Count - 1;
        while (low <= high)
        {
            int middle = (low + high) >> 1;
            int key = keys[middle] & BucketMask;
            if (key == wanted)
            {
                return middle;
            }

            low = key < wanted ? middle + 1 : low;
            high = key < wanted ? high : middle - 1;
        }

        return ~low;
    }

    private uint TakeArray(byte sizeClass)
    {
        uint array = _freeArrays[sizeClass - 1];
        if (array != 0)
        {
            _arraysInUse++;
            _freeArrays[sizeClass - 1] = *(uint*)ValuesAt(array);
            return array;
        }

        uint units = s_units[sizeClass - 1];
        if (units > _poolUnits - _nextUnit)
        {
            throw new VirtualMemoryException("Commit", (nint)_pool, units * UnitBytes, 0, "the address space for tags is used up");
        }

        long needed = (long)(_nextUnit + units) * UnitBytes;
        if (needed > _poolCommittedBytes)
        {
            long more = Whole(needed - _poolCommittedBytes);
            VirtualMemory.Commit((nint)_pool + (nint)_poolCommittedBytes, (nuint)more);
            _poolCommittedBytes += more;
            _metadataBytes += more;
        }

        array = _nextUnit;
        _nextUnit += units;
        _arraysInUse++;
        return array;
    }

    private void GiveArray(Bucket* bucket)
    {
        _lock.Enter();
        *(uint*)Values(bucket) = _freeArrays[bucket->Class - 1];
        _freeArrays[bucket->Class - 1] = bucket->Array;
        _arraysInUse--;
        _lock.Exit();
    }

    private struct Bucket
    {
        internal uint Array;
        internal ushort Count;
        internal byte Class;
    }
}
