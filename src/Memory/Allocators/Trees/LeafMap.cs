using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// What every granule of 16 bytes is, kept apart from the granules themselves, so that nobody who writes through a stale pointer can damage it.
/// Granules are taken together in leaves of 4 KiB. A leaf has a word, with its <see cref="LeafRuns"/> and flags, and, once a block begins or ends in it, 128 bytes of bits: a bit "used"
/// and a bit "a block starts here" per granule, and two bits for the part of the last granule that was not asked for.
/// </summary>
/// <remarks>
/// A leaf that lies as a whole inside one block has no bits, only the flag <see cref="Covered"/>: a block of any size is marked in one word per 4 KiB.
/// The start bit of a freed block stays until the granule is used again; it tells a double free from an address that never was a block.
/// Each leaf belongs to one zone and is read and written under that zone's lock; what leaves share is behind a lock of its own here.
/// </remarks>
internal sealed unsafe partial class LeafMap : IDisposable
{
    internal const int GranuleShift = 4;
    internal const int GranuleBytes = 1 << GranuleShift;
    internal const int LeafShift = 8;
    internal const int LeafGranules = 1 << LeafShift;
    internal const int LeafBytes = LeafGranules * GranuleBytes;
    internal const int LeafWords = LeafGranules / 64;

    /// <summary>The leaf has bits.</summary>
    internal const uint HasBits = 1u << 27;

    /// <summary>The leaf lies inside one block; where a run of such leaves begins, the lower bits are its length.</summary>
    internal const uint Covered = 1u << 28;

    /// <summary>The leaf's memory is committed.</summary>
    internal const uint Committed = 1u << 29;

    /// <summary>The leaf's memory is committed and reads as zero, because nobody has had it yet.</summary>
    internal const uint Fresh = 1u << 30;

    private const uint RunsMask = HasBits - 1;
    private const uint FullRuns = LeafGranules | (LeafGranules << 9) | (LeafGranules << 18);
    private const int BitsBytes = 4 * LeafWords * sizeof(ulong);

    private readonly nint _area;
    private readonly nuint _areaBytes;
    private readonly byte* _bits;
    private readonly int _pageLeaves;
    private readonly bool[] _bitsCommitted;
    private readonly bool[] _wordsTouched;
    private AllocatorLock _pages;
    private long _metadataBytes;
    private bool _released;

    internal LeafMap(int leafCount)
    {
        LeafCount = leafCount;
        int page = VirtualMemory.PageSize;

        // Behind the last word there is room for seven more, because eight are loaded at once.
        long words = Whole(((long)leafCount * sizeof(uint)) + Vector256<uint>.Count * sizeof(uint), page);
        long bits = Whole((long)leafCount * BitsBytes, page);
        _pageLeaves = page / BitsBytes;
        _bitsCommitted = new bool[bits / page];
        _wordsTouched = new bool[words / page];
        _areaBytes = (nuint)(words + bits);
        _area = VirtualMemory.Reserve(_areaBytes);
        try
        {
            // All words from the start: until one is written they are the system's zero page and take no memory.
            VirtualMemory.Commit(_area, (nuint)words);
        }
        catch (VirtualMemoryException)
        {
            VirtualMemory.Release(_area, _areaBytes);
            throw;
        }

        Words = (uint*)_area;
        _bits = (byte*)_area + words;
    }

    internal int LeafCount { get; }

    /// <summary>One word per leaf. Zero: free, not committed, without bits.</summary>
    internal uint* Words { get; }

    /// <summary>Bytes of bookkeeping that were ever written and are still there, in whole pages; those of the search trees, 1.7 bytes a leaf, are counted with the words' 4.</summary>
    internal long MetadataBytes => Volatile.Read(ref _metadataBytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static LeafRuns Runs(uint word)
        => (word & Covered) != 0 ? default
        : (word & HasBits) == 0 ? LeafRuns.Full(LeafGranules)
        : new LeafRuns(word & 0x1FF, (word >> 9) & 0x1FF, (word >> 18) & 0x1FF);

    /// <summary>The <see cref="Runs"/> of eight leaves side by side; zeros from the <paramref name="count"/>th on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Load(int leaf, int count, out Vector256<int> prefix, out Vector256<int> max, out Vector256<int> suffix)
    {
        Vector256<int> words = Vector256.Load((int*)Words + leaf);
        Vector256<int> hasBits = Vector256.Create((int)HasBits);
        Vector256<int> covered = Vector256.Create((int)Covered);
        Vector256<int> runs = Vector256.ConditionalSelect(Vector256.Equals(words & hasBits, hasBits), words, Vector256.Create((int)FullRuns));
        runs = Vector256.AndNot(runs, Vector256.Equals(words & covered, covered));
        runs &= Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(count));
        Vector256<int> mask = Vector256.Create(0x1FF);
        prefix = runs & mask;
        max = (runs >>> 9) & mask;
        suffix = (runs >>> 18) & mask;
    }

    internal static bool IsEmpty(uint word) => (word & Covered) == 0 && ((word & HasBits) == 0 || (word & 0x1FF) == LeafGranules);

    /// <summary>Gives the first and the last leaf of a block its bits. Throws before anything is marked.</summary>
    /// <exception cref="VirtualMemoryException">The system refused; nothing has changed.</exception>
    internal void PrepareMark(int granule, int count)
    {
        int first = granule >> LeafShift;
        int end = granule + count;
        PrepareBits(first);
        if ((end & (LeafGranules - 1)) != 0 && end >> LeafShift != first)
        {
            PrepareBits(end >> LeafShift);
        }
    }

    /// <summary>Marks free, committed granules as one block; <see cref="PrepareMark"/> came before. Returns how many leaves were empty until now.</summary>
    internal int Mark(int granule, int count, int unused)
    {
        int end = granule + count;
        int first = granule >> LeafShift;
        int last = (end - 1) >> LeafShift;
        int covered = (end >> LeafShift) - first - 1;
        int emptied = 0;
        for (int leaf = first; leaf <= last; leaf++)
        {
            uint word = Words[leaf];
            emptied += IsEmpty(word) ? 1 : 0;
            int low = leaf == first ? granule & (LeafGranules - 1) : 0;
            int high = Math.Min(LeafGranules, end - (leaf << LeafShift));
            if (leaf != first && high == LeafGranules)
            {
                Words[leaf] = (word & Committed) | Covered | (leaf == first + 1 ? (uint)covered : 0);
                continue;
            }

            Set(Used(leaf), low, high, true);
            Set(Starts(leaf), low, high, false);
            if (leaf == first)
            {
                Starts(leaf)[low >> 6] |= 1UL << (low & 63);
                WriteUnused(granule, count, unused);
            }

            WriteRuns(leaf, Committed);
        }

        return emptied;
    }

    /// <summary>Marks a block's granules as free. Returns how many leaves are empty now.</summary>
    internal int Clear(int granule, int count)
    {
        int end = granule + count;
        int first = granule >> LeafShift;
        int last = (end - 1) >> LeafShift;
        int emptied = 0;
        for (int leaf = first; leaf <= last; leaf++)
        {
            if ((Words[leaf] & Covered) != 0)
            {
                Words[leaf] &= Committed;
            }
            else
            {
                Set(Used(leaf), leaf == first ? granule & (LeafGranules - 1) : 0, Math.Min(LeafGranules, end - (leaf << LeafShift)), false);
                WriteRuns(leaf, Committed);
            }

            emptied += IsEmpty(Words[leaf]) ? 1 : 0;
        }

        return emptied;
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

    /// <summary>The "used" bits of a leaf, so that a test can damage them.</summary>
    internal ulong* Used(int leaf) => (ulong*)(_bits + ((nint)leaf * BitsBytes));

    private ulong* Starts(int leaf) => Used(leaf) + LeafWords;

    /// <summary>Two bytes of the leaf that hold a granule's two bits and the next one's, if that is in the leaf too.</summary>
    private ushort* TailOf(int granule, out int shift)
    {
        int index = granule & (LeafGranules - 1);
        int from = Math.Min(index >> 2, (LeafGranules / 4) - 2);
        shift = (index * 2) - (from * 8);
        return (ushort*)((byte*)(Used(granule >> LeafShift) + (2 * LeafWords)) + from);
    }

    private static bool Bit(ulong* bits, int granule) => (bits[(granule & (LeafGranules - 1)) >> 6] >> (granule & 63) & 1) != 0;

    private static long Whole(long bytes, long page) => (bytes + page - 1) / page * page;

    /// <summary>Two granules in one leaf have room for any number from 0 to 15; one has room for 0, 4, 8 and 12.</summary>
    private static bool IsWide(int granule, int count) => count > 1 && (granule & (LeafGranules - 1)) != LeafGranules - 1;

    private static void Set(ulong* bits, int low, int high, bool value)
    {
        for (int i = low >> 6; i <= (high - 1) >> 6; i++)
        {
            int from = Math.Max(low - (i << 6), 0);
            int to = Math.Min(high - (i << 6), 64);
            ulong mask = (ulong.MaxValue << from) & (ulong.MaxValue >> (64 - to));
            bits[i] = value ? bits[i] | mask : bits[i] & ~mask;
        }
    }

    private void WriteUnused(int granule, int count, int unused)
    {
        ushort* word = TailOf(granule, out int shift);
        bool wide = IsWide(granule, count);
        int mask = (wide ? 15 : 3) << shift;
        int code = wide ? unused : (unused & 3) == 0 ? unused >> 2 : 0;
        *word = (ushort)((*word & ~mask) | (code << shift));
    }

    private void WriteRuns(int leaf, uint keptFlags)
    {
        ulong* used = Used(leaf);
        ulong* free = stackalloc ulong[LeafWords];
        for (int i = 0; i < LeafWords; i++)
        {
            free[i] = ~used[i];
        }

        LeafRuns runs = LeafRuns.Of(free);
        Words[leaf] = (Words[leaf] & keptFlags) | HasBits | runs.Prefix | (runs.Max << 9) | (runs.Suffix << 18);
    }
}
