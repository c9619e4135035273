using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Which leaves are committed, and the memory of the bits themselves.</summary>
internal sealed unsafe partial class LeafMap
{
    // A call of the system for each page would be one of the slowest things that an allocation can meet; a page that is committed and not touched costs nothing.
    private const int BitsPagesAtOnce = 16;

    /// <summary>
    /// Asks the processor for everything about a leaf and for the bits of the next, where every second block ends. All of it comes from afar when the block is one of many; asked for at once it
    /// comes at once, and not each when the one before has told where to look. Nothing is read, so it may be called under no lock.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Fetch(int leaf)
    {
        byte* bits = (byte*)Used(leaf);
        Prefetch.Line(Words + leaf);
        Prefetch.Line(bits);
        Prefetch.Line(bits + (BitsBytes / 2));
        Prefetch.Line(bits + BitsBytes);
    }

    /// <summary>Whether leaves all have a flag: <see cref="Committed"/> or <see cref="Fresh"/>.</summary>
    internal bool HaveAll(int firstLeaf, int lastLeaf, uint flag)
    {
        // Most blocks lie in one leaf or two, about as often: without a loop for them there is nothing to predict.
        uint words = Words[firstLeaf] & Words[lastLeaf];
        for (int leaf = firstLeaf + 1; leaf < lastLeaf; leaf++)
        {
            words &= Words[leaf];
        }

        return (words & flag) != 0;
    }

    /// <summary>Notes that leaves were committed; they read as zero.</summary>
    internal void MarkCommitted(int firstLeaf, int count)
    {
        for (int leaf = firstLeaf; leaf < firstLeaf + count; leaf++)
        {
            Words[leaf] |= Committed | Fresh;
        }

        int page = VirtualMemory.PageSize / sizeof(uint);
        _pages.Enter();
        for (int i = firstLeaf / page; i <= (firstLeaf + count - 1) / page; i++)
        {
            if (!Has(_wordsTouched, i))
            {
                Set(_wordsTouched, i, true);
                _metadataBytes += VirtualMemory.PageSize;
            }
        }

        _pages.Exit();
    }

    /// <summary>Notes that empty leaves were given back.</summary>
    internal void MarkDecommitted(int firstLeaf, int count) => new Span<uint>(Words + firstLeaf, count).Clear();

    /// <summary>Forgets everything about leaves but whether they are committed.</summary>
    internal void Forget(int firstLeaf, int count)
    {
        for (int leaf = firstLeaf; leaf < firstLeaf + count; leaf++)
        {
            if (Words[leaf] != 0)
            {
                Words[leaf] &= IsEmpty(Words[leaf]) && (Words[leaf] & HasBits) == 0 ? Committed | Fresh : Committed;
            }
        }
    }

    /// <summary>Gives back the pages of bits that serve only leaves from <paramref name="firstLeaf"/> on whose words are zero.</summary>
    internal void TrimBits(int firstLeaf, int count)
    {
        int page = (firstLeaf + _pageLeaves - 1) / _pageLeaves;
        for (; (page + 1) * _pageLeaves <= firstLeaf + count; page++)
        {
            if (Has(_bitsUsed, page) && new ReadOnlySpan<uint>(Words + (page * _pageLeaves), _pageLeaves).IndexOfAnyExcept(0u) < 0)
            {
                try
                {
                    VirtualMemory.Decommit((nint)_bits + ((nint)page * VirtualMemory.PageSize), (nuint)VirtualMemory.PageSize);
                }
                catch (VirtualMemoryException)
                {
                    // The process has too many mappings to split one more: the page stays ours and is used again.
                    return;
                }

                _pages.Enter();
                Set(_batchesCommitted, page / BitsPagesAtOnce, false);
                Set(_bitsUsed, page, false);
                _metadataBytes -= VirtualMemory.PageSize;
                _pages.Exit();
            }
        }
    }

    private void PrepareBits(int leaf)
    {
        if ((Words[leaf] & HasBits) != 0)
        {
            return;
        }

        PrepareBitsPage(leaf);
        NativeMemory.Clear(Used(leaf), BitsBytes);
        Words[leaf] |= HasBits | FullRuns;
    }

    /// <summary>Commits the page that a leaf's bits lie in, so that giving the leaf its bits cannot fail later.</summary>
    /// <exception cref="VirtualMemoryException">The system refused; nothing has changed.</exception>
    internal void PrepareBitsPage(int leaf)
    {
        int page = leaf / _pageLeaves;
        if (!Has(_bitsUsed, page))
        {
            _pages.Enter();
            try
            {
                int batch = page / BitsPagesAtOnce;
                if (!Has(_batchesCommitted, batch))
                {
                    int first = batch * BitsPagesAtOnce;
                    int pages = Math.Min(BitsPagesAtOnce, _bitsPages - first);
                    VirtualMemory.Commit((nint)_bits + ((nint)first * VirtualMemory.PageSize), (nuint)pages * (nuint)VirtualMemory.PageSize);
                    Set(_batchesCommitted, batch, true);
                }

                if (!Has(_bitsUsed, page))
                {
                    _metadataBytes += VirtualMemory.PageSize;
                    Set(_bitsUsed, page, true);
                }
            }
            finally
            {
                _pages.Exit();
            }
        }
    }

    private static ulong[] NewBits(long count) => new ulong[(count + 63) / 64];

    private static bool Has(ulong[] bits, int index) => (Volatile.Read(ref bits[index >> 6]) >> (index & 63) & 1) != 0;

    /// <summary>Under the lock for what leaves share: other bits of the word may be other zones'.</summary>
    private static void Set(ulong[] bits, int index, bool value)
    {
        ulong bit = 1UL << (index & 63);
        Volatile.Write(ref bits[index >> 6], value ? bits[index >> 6] | bit : bits[index >> 6] & ~bit);
    }
}
