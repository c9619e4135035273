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
    private readonly int _bitsPages;
    private readonly ulong[] _batchesCommitted;
    private readonly ulong[] _bitsUsed;
    private readonly ulong[] _wordsTouched;
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
        _bitsPages = (int)(bits / page);
        _batchesCommitted = NewBits((_bitsPages + BitsPagesAtOnce - 1) / BitsPagesAtOnce);
        _bitsUsed = NewBits(_bitsPages);
        _wordsTouched = NewBits(words / page);
        _metadataBytes = (_batchesCommitted.Length + _bitsUsed.Length + _wordsTouched.Length) * sizeof(ulong);
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

    /// <summary>Bytes of bookkeeping that were ever written and are still there, in whole pages.</summary>
    internal long MetadataBytes => Volatile.Read(ref _metadataBytes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static LeafRuns Runs(uint word)
        => (word & Covered) != 0 ? default
        : (word & HasBits) == 0 ? LeafRuns.Full(LeafGranules)
        : new LeafRuns(word & 0x1FF, (word >> 9) & 0x1FF, (word >> 18) & 0x1FF);

    /// <summary>The words of eight leaves side by side.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Vector256<int> Load(int leaf) => Vector256.Load((int*)Words + leaf);

    /// <summary>The <see cref="Runs(uint)"/> of eight leaves side by side; zeros from the <paramref name="count"/>th on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Runs(Vector256<int> words, int count, out Vector256<int> prefix, out Vector256<int> max, out Vector256<int> suffix)
    {
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
    /// <param name="granule">First granule.</param>
    /// <param name="count">Granules.</param>
    /// <param name="unused">Bytes of the last that were not asked for.</param>
    /// <param name="left">Where the free run that it is cut out of begins, or the leaf it begins in.</param>
    /// <param name="right">Where that run ends, or the leaf it ends in.</param>
    internal int Mark(int granule, int count, int unused, out int left, out int right)
    {
        int end = granule + count;
        int first = granule >> LeafShift;
        int last = (end - 1) >> LeafShift;
        int emptied = MarkPart(first, granule & (LeafGranules - 1), Math.Min(LeafGranules, end - (first << LeafShift)), begins: true, out left, out right);
        WriteUnused(granule, count, unused);
        for (int leaf = first + 1; leaf <= last; leaf++)
        {
            int high = end - (leaf << LeafShift);
            if (high < LeafGranules)
            {
                return emptied + MarkPart(leaf, 0, high, begins: false, out _, out right);
            }

            uint word = Words[leaf];
            emptied += IsEmpty(word) ? 1 : 0;
            Words[leaf] = (word & Committed) | Covered | (leaf == first + 1 ? (uint)((end >> LeafShift) - leaf) : 0);
            right = end;
        }

        return emptied;
    }

    /// <summary>Marks a block's granules as free. Returns how many leaves are empty now.</summary>
    /// <param name="granule">First granule.</param>
    /// <param name="count">Granules.</param>
    /// <param name="left">Where the free run that they lie in now begins, or the leaf it begins in.</param>
    /// <param name="right">Where that run ends, or the leaf it ends in.</param>
    internal int Clear(int granule, int count, out int left, out int right)
    {
        int end = granule + count;
        int first = granule >> LeafShift;
        int last = (end - 1) >> LeafShift;
        int emptied = ClearPart(first, granule & (LeafGranules - 1), Math.Min(LeafGranules, end - (first << LeafShift)), out left, out right);
        for (int leaf = first + 1; leaf <= last; leaf++)
        {
            if ((Words[leaf] & Covered) == 0)
            {
                return emptied + ClearPart(leaf, 0, end - (leaf << LeafShift), out _, out right);
            }

            Words[leaf] &= Committed;
            emptied++;
            right = end;
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

    private void WriteUnused(int granule, int count, int unused)
    {
        ushort* word = TailOf(granule, out int shift);
        bool wide = IsWide(granule, count);
        int mask = (wide ? 15 : 3) << shift;
        int code = wide ? unused : (unused & 3) == 0 ? unused >> 2 : 0;
        *word = (ushort)((*word & ~mask) | (code << shift));
    }

    /// <summary>
    /// Marks the granules from <paramref name="low"/> to before <paramref name="high"/> of a leaf as a block or, if it does not begin here, as the rest of one. Returns 1 if the leaf was empty, else 0.
    /// The block is cut out of one free run, so only a leaf whose longest run that was has to be looked at as a whole.
    /// </summary>
    /// <remarks>Not inlined: its choices are made without branches only where no loop is around them.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int MarkPart(int leaf, int low, int high, bool begins, out int left, out int right)
    {
        Vector256<ulong> block = LeafBits.From(low) & ~LeafBits.From(high);
        Vector256<ulong> starts = Vector256.AndNot(Vector256.Load(Starts(leaf)), block);
        Vector256.Store(begins ? starts | (block & ~LeafBits.From(low + 1)) : starts, Starts(leaf));
        Vector256<ulong> used = Vector256.Load(Used(leaf));
        int from = LeafBits.BehindLast(Vector256.AndNot(used, LeafBits.From(low)));
        int to = LeafBits.First(used & LeafBits.From(low));
        used |= block;
        Vector256.Store(used, Used(leaf));
        uint word = Words[leaf];
        LeafRuns runs = Runs(word);
        uint max = (uint)(to - from) < runs.Max ? runs.Max : (uint)LeafRuns.Longest(~used);
        WriteRuns(leaf, word, from == 0 ? (uint)low : runs.Prefix, max, to == LeafGranules ? (uint)(LeafGranules - high) : runs.Suffix);
        left = (leaf << LeafShift) + from;
        right = (leaf << LeafShift) + to;
        return to - from == LeafGranules ? 1 : 0;
    }

    /// <summary>
    /// Marks the granules from <paramref name="low"/> to before <paramref name="high"/> of a leaf as free. Returns 1 if the leaf is empty now, else 0.
    /// The free run that they come to lie in is the only one that is new, and it can only be longer than those it was made of.
    /// </summary>
    /// <remarks>Not inlined, for the same reason.</remarks>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int ClearPart(int leaf, int low, int high, out int left, out int right)
    {
        Vector256<ulong> below = ~LeafBits.From(low);
        Vector256<ulong> behind = LeafBits.From(high);
        Vector256<ulong> used = Vector256.Load(Used(leaf)) & (below | behind);
        Vector256.Store(used, Used(leaf));
        int from = LeafBits.BehindLast(used & below);
        int to = LeafBits.First(used & behind);
        uint word = Words[leaf];
        LeafRuns runs = Runs(word);
        WriteRuns(leaf, word, from == 0 ? (uint)to : runs.Prefix, Math.Max(runs.Max, (uint)(to - from)), to == LeafGranules ? (uint)(LeafGranules - from) : runs.Suffix);
        left = (leaf << LeafShift) + from;
        right = (leaf << LeafShift) + to;
        return to - from == LeafGranules ? 1 : 0;
    }

    private void WriteRuns(int leaf, uint word, uint prefix, uint max, uint suffix)
        => Words[leaf] = (word & Committed) | HasBits | prefix | (max << 9) | (suffix << 18);
}
