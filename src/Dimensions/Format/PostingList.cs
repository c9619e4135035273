using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace DimensionStore;

/// <summary>The entries of one keyword, read in place; ordered by layer, then offset. Valid as long as the bytes of its index are.</summary>
public readonly ref struct PostingList
{
    private readonly ref byte _first;
    private readonly long _fileOffset;

    /// <summary>Wraps postings whose bytes have been bounds-checked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal PostingList(ref byte first, int count, long fileOffset)
    {
        _first = ref first;
        _fileOffset = fileOffset;
        Count = count;
    }

    /// <summary>How many entries.</summary>
    public int Count { get; }

    /// <summary>One of them. Only the form is checked; whether the layer holds so many bytes is checked when they are asked for.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such entry.</exception>
    /// <exception cref="DimensionFormatException">The index is damaged.</exception>
    public EntryLocation this[int index]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if ((uint)index >= (uint)Count)
            {
                ThrowIndex(index, Count);
            }

            ref byte posting = ref Unsafe.Add(ref _first, (nuint)(uint)index * KeywordIndexFormat.PostingBytes);
            uint offset = LittleEndian.U32(ref posting);
            uint length = LittleEndian.U32(ref Unsafe.Add(ref posting, 4));
            uint layer = LittleEndian.U32(ref Unsafe.Add(ref posting, 8));
            if (layer >= DimensionFormat.MaxLayers || length > int.MaxValue)
            {
                ThrowDamaged(_fileOffset + ((long)index * KeywordIndexFormat.PostingBytes), length, layer);
            }

            return new EntryLocation((int)layer, offset, (int)length);
        }
    }

    /// <summary>The first of them, where it lies.</summary>
    internal ref byte First => ref _first;

    /// <summary>Whether both are the same bytes at the same place.</summary>
    internal bool IsSame(PostingList other) => Unsafe.AreSame(ref _first, ref other._first) && Count == other.Count;

    // Static: an instance method would take the address of the list, and the list would live in memory wherever it is used.
    [DoesNotReturn]
    private static void ThrowIndex(int index, int count)
        => throw new ArgumentOutOfRangeException(nameof(index), index, $"The keyword has {count:N0} entries.");

    [DoesNotReturn]
    private static void ThrowDamaged(long fileOffset, uint length, uint layer)
        => throw new DimensionFormatException(
            DimensionFormatError.BadIndex,
            fileOffset,
            $"a posting with a layer of 0 to 3 and at most {int.MaxValue:N0} bytes",
            $"layer field 0x{layer:X8}, {length:N0} bytes");
}
