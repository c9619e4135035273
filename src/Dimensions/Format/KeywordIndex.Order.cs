using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using DimensionStore.Memory.Native;

namespace DimensionStore;

/// <content>Keywords in ascending order: the head tree, in which prefixes are found.</content>
public readonly ref partial struct KeywordIndex
{
    /// <summary>No place: no index has so many keys.</summary>
    private const uint NotLocated = uint.MaxValue;

    /// <summary>Keys with the same heads that are looked at one by one, before they are searched by halves.</summary>
    private const uint MaxNeighbours = 8;

    /// <summary>Place of the first key that is not below one with these heads; the number of keys when there is none.</summary>
    /// <param name="head">The first eight bytes as a big-endian number, zero padded.</param>
    /// <param name="second">The next eight.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint LowerBound(ulong head, ulong second)
    {
        Vector512<ulong> heads = Vector512.Create(head);
        Vector512<ulong> seconds = Vector512.Create(second);
        ref byte leaf = ref LeafOf(heads, seconds, out nuint group);
        return Unsafe.IsNullRef(ref leaf) ? _keyCount : (uint)Math.Min((group * KeywordIndexFormat.HeadsPerGroup) + CountBelow(ref leaf, heads, seconds), _keyCount);
    }

    /// <summary>The leaf with the first key that is not below one with these heads; a null reference when no leaf has one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref byte LeafOf(Vector512<ulong> heads, Vector512<ulong> seconds, out nuint group)
    {
        group = 0;
        nuint last = _keyCount - 1;
        if (_keyCount == 0)
        {
            return ref Unsafe.NullRef<byte>();
        }

        ref byte level = ref _tree;
        nuint lastGroup = 0;
        for (int shift = _topShift; shift > 0; shift -= 3)
        {
            // In bounds: the group is one that the level above has a head for, and this level has eight heads for each of those.
            group = (group * KeywordIndexFormat.HeadsPerGroup) + CountBelow(ref Unsafe.Add(ref level, group * KeywordIndexFormat.GroupBytes), heads, seconds);
            level = ref Unsafe.Add(ref level, (lastGroup + 1) * KeywordIndexFormat.GroupBytes);
            lastGroup = last >> shift;
            if (group > lastGroup)
            {
                return ref Unsafe.NullRef<byte>();
            }
        }

        // References and hints are wanted next, whichever of the leaf's keys it will be.
        ref byte leaf = ref Unsafe.Add(ref level, group * KeywordIndexFormat.LeafBytes);
        Prefetch.Line(ref Unsafe.Add(ref leaf, KeywordIndexFormat.LeafReferencesOffset));
        return ref leaf;
    }

    /// <summary>How many of a group's eight keys are below one with these heads. All are compared at once: a search by halves would guess wrong at every other step.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nuint CountBelow(ref byte group, Vector512<ulong> heads, Vector512<ulong> seconds)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            Vector512<ulong> first = Vector512.LoadUnsafe(ref group).AsUInt64();
            Vector512<ulong> second = Vector512.LoadUnsafe(ref group, KeywordIndexFormat.SecondHeadsOffset).AsUInt64();
            Vector512<ulong> below = Vector512.LessThan(first, heads) | (Vector512.Equals(first, heads) & Vector512.LessThan(second, seconds));
            return (uint)BitOperations.PopCount(below.ExtractMostSignificantBits());
        }

        return CountBelow(ref group, heads.GetLower(), seconds.GetLower()) + CountBelow(ref Unsafe.Add(ref group, Vector256<byte>.Count), heads.GetLower(), seconds.GetLower());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nuint CountBelow(ref byte group, Vector256<ulong> heads, Vector256<ulong> seconds)
    {
        Vector256<ulong> first = Vector256.LoadUnsafe(ref group).AsUInt64();
        Vector256<ulong> second = Vector256.LoadUnsafe(ref group, KeywordIndexFormat.SecondHeadsOffset).AsUInt64();
        Vector256<ulong> below = Vector256.LessThan(first, heads) | (Vector256.Equals(first, heads) & Vector256.LessThan(second, seconds));
        return (uint)BitOperations.PopCount(below.ExtractMostSignificantBits());
    }

    /// <summary>A walk that begins at a key, over those that share so many bytes with it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private KeywordCursor Cursor(uint start, int shared) => new(ref _leaves, _records, RecordsFileOffset, start, _keyCount, shared);

    /// <summary>Place of the first key that begins with a prefix, <see cref="NotLocated"/> when there is none, and in the upper half the prefix's length when it is folded: in one register.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong LocatePrefix(scoped ref char prefix, int length)
    {
        if (!AsciiKeyword.TryFold(ref prefix, length, out Vector128<byte> folded))
        {
            return LocateOther(ref prefix, length);
        }

        Vector128<ulong> mask = AsciiKeyword.Mask(length).AsUInt64();
        uint start = Locate(
            BinaryPrimitives.ReverseEndianness(folded.AsUInt64().ToScalar()),
            BinaryPrimitives.ReverseEndianness(folded.AsUInt64().GetElement(1)),
            BinaryPrimitives.ReverseEndianness(mask.ToScalar()),
            BinaryPrimitives.ReverseEndianness(mask.GetElement(1)));
        return Pack(start, length);
    }

    /// <summary>The same for any prefix.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong LocateOther(scoped ref char prefix, int length)
    {
        if (length == 0)
        {
            return 0;
        }

        return (uint)(length - AsciiKeyword.BlockLength - 1) < AsciiKeyword.BlockLength && TryLocateLong(ref prefix, length, out uint start)
            ? Pack(start, length)
            : LocateFolded(ref prefix, length);
    }

    /// <summary>The same for 17 to 32 ASCII characters, if a key with the prefix is among the first that have its sixteen bytes, as nearly always, or none has them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryLocateLong(scoped ref char prefix, int length, out uint start)
    {
        const int Block = AsciiKeyword.BlockLength;
        start = NotLocated;
        if (!AsciiKeyword.TryFoldBlock(ref prefix, 0, out Vector128<byte> first)
            || !AsciiKeyword.TryFoldBlock(ref prefix, length - Block, out Vector128<byte> last))
        {
            return false;
        }

        ulong head = BinaryPrimitives.ReverseEndianness(first.AsUInt64().ToScalar());
        ulong second = BinaryPrimitives.ReverseEndianness(first.AsUInt64().GetElement(1));
        start = Locate(head, second, ulong.MaxValue, ulong.MaxValue);
        if (start >= _keyCount)
        {
            return true;
        }

        for (uint end = (uint)Math.Min((ulong)start + MaxNeighbours, _keyCount); start < end && HeadAt(start) == head && SecondHeadAt(start) == second; start++)
        {
            KeywordRecord record = KeywordRecord.Read(_records, ReferenceAt(ref _leaves, start), RecordsFileOffset);
            if (record.KeyLength >= length && Vector128.LoadUnsafe(ref Unsafe.Add(ref record.KeyStart, length - Block)) == last)
            {
                return true;
            }
        }

        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private ulong LocateFolded(scoped ref char prefix, int length)
    {
        Span<byte> buffer = stackalloc byte[FoldedKeyword.BufferBytes];
        FoldedKeyword folded = FoldedKeyword.Create(MemoryMarshal.CreateReadOnlySpan(ref prefix, length), buffer);
        return folded.IsValid ? Pack(Locate(folded.Bytes), folded.Length) : NotLocated;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Pack(uint position, int shared) => ((ulong)(uint)shared << 32) | position;

    /// <summary>Place of the first key that begins with a folded prefix; not below the number of keys when there is none. All keys begin with an empty one.</summary>
    private uint Locate(scoped ReadOnlySpan<byte> prefix)
    {
        ulong head = KeywordIndexFormat.Head(prefix);
        ulong second = KeywordIndexFormat.SecondHead(prefix);
        if (prefix.Length <= AsciiKeyword.BlockLength)
        {
            Vector128<ulong> mask = AsciiKeyword.Mask(prefix.Length).AsUInt64();
            return Locate(head, second, BinaryPrimitives.ReverseEndianness(mask.ToScalar()), BinaryPrimitives.ReverseEndianness(mask.GetElement(1)));
        }

        uint start = SearchBehindHeads(LowerBound(head, second), head, second, prefix);
        return start < _keyCount && RecordAt(start).Key.StartsWith(prefix) ? start : _keyCount;
    }

    /// <summary>Place of the first key with these heads, as far as they are masked, which keep at least one byte; <see cref="NotLocated"/> when there is none.</summary>
    // Keys hold no NUL, so zero-padded heads are an exact bound for a prefix of up to sixteen bytes. Where to end is not searched for: the cursor stops by itself.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private uint Locate(ulong head, ulong second, ulong headMask, ulong secondMask)
    {
        Vector512<ulong> heads = Vector512.Create(head);
        Vector512<ulong> seconds = Vector512.Create(second);
        ref byte leaf = ref LeafOf(heads, seconds, out nuint group);
        if (Unsafe.IsNullRef(ref leaf))
        {
            return NotLocated;
        }

        nuint place = CountBelow(ref leaf, heads, seconds);
        ref byte found = ref Unsafe.Add(ref leaf, place * sizeof(ulong));
        ref byte numbers = ref Unsafe.Add(ref leaf, KeywordIndexFormat.LeafReferencesOffset + (place * sizeof(uint)));
        if (place == KeywordIndexFormat.HeadsPerGroup
            || (((LittleEndian.U64(ref found) ^ head) & headMask) | ((LittleEndian.U64(ref Unsafe.Add(ref found, KeywordIndexFormat.SecondHeadsOffset)) ^ second) & secondMask)) != 0)
        {
            return NotLocated;
        }

        // The entry's bytes are on their way while the record is still being fetched, as they are in an exact lookup.
        uint hint = LittleEndian.U32(ref Unsafe.Add(ref numbers, KeywordIndexFormat.LeafHintsOffset - KeywordIndexFormat.LeafReferencesOffset));
        Prefetch.Line(ref Unsafe.Add(ref MemoryMarshal.GetReference(_section), (nint)hint * KeywordIndexFormat.HintUnit - (nint)_sectionOffset));

        // The record too, and the line behind it, where its entries are if the key is not short: the cursor comes there only by the record's own lengths.
        ref byte record = ref Unsafe.Add(ref MemoryMarshal.GetReference(_records), (nint)(LittleEndian.U32(ref numbers) - 1) * sizeof(ulong));
        Prefetch.Line(ref record);
        Prefetch.Line(ref Unsafe.Add(ref record, Prefetch.LineBytes));
        return (uint)((group * KeywordIndexFormat.HeadsPerGroup) + place);
    }

    /// <summary>
    /// First place from <paramref name="start"/> on, where the first key with these heads is, whose key is not below a prefix of more than sixteen bytes:
    /// in growing steps and then by halves, since few keys share so much as a rule, and sometimes all do.
    /// </summary>
    private uint SearchBehindHeads(uint start, ulong head, ulong second, scoped ReadOnlySpan<byte> prefix)
    {
        uint low = start;
        uint high = start;
        for (uint step = 1; high < _keyCount && IsBelow(high, head, second, prefix); step <<= 1)
        {
            low = high + 1;
            high = (uint)Math.Min(_keyCount, (ulong)high + step);
        }

        while (low < high)
        {
            uint middle = low + ((high - low) >> 1);
            if (IsBelow(middle, head, second, prefix))
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    private bool IsBelow(uint position, ulong head, ulong second, scoped ReadOnlySpan<byte> prefix)
        => HeadAt(position) == head && SecondHeadAt(position) == second && RecordAt(position).Key.SequenceCompareTo(prefix) < 0;

    /// <summary>Where a key's leaf is among the leaves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint Leaf(uint position) => (nint)(position >> 3) * KeywordIndexFormat.LeafBytes;

    /// <summary>The head of a key. In bounds as <see cref="ReferenceAt"/> is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong HeadAt(uint position) => LittleEndian.U64(ref Unsafe.Add(ref _leaves, Leaf(position) + ((nint)(position & 7) * sizeof(ulong))));

    /// <summary>The second head of a key.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong SecondHeadAt(uint position)
        => LittleEndian.U64(ref Unsafe.Add(ref _leaves, Leaf(position) + KeywordIndexFormat.SecondHeadsOffset + ((nint)(position & 7) * sizeof(ulong))));
}
