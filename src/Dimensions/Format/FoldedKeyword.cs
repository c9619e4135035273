using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace DimensionStore;

/// <summary>
/// A keyword folded and hashed in one pass, ready to be looked up in any number of indexes. Pure ASCII goes through registers: sixteen characters are
/// narrowed and lower-cased at once, hashed and stored in words of eight, so that the lookup's comparison loads exactly what was stored and never
/// waits for several narrow stores to drain.
/// </summary>
internal readonly ref struct FoldedKeyword
{
    /// <summary>Room that <see cref="Create(ReadOnlySpan{char}, Span{byte})"/> needs.</summary>
    public const int BufferBytes = KeywordFolding.MaxFoldedBytes + 8;

    /// <summary>Least characters that <see cref="TryFoldPair"/> takes.</summary>
    public const int MinPairLength = 4;

    /// <summary>Most characters that <see cref="TryFoldPair"/> takes.</summary>
    public const int MaxPairLength = 16;

    private const ulong HighBits = 0x8080808080808080;
    private const ulong LowBits = 0x0101010101010101;

    private readonly ref byte _first;

    private FoldedKeyword(ref byte first, int length, ulong hash)
    {
        _first = ref first;
        Length = length;
        Hash = hash;
    }

    /// <summary>Bytes of the folded keyword; −1 when it is empty, too long or no valid text and therefore in no index.</summary>
    public int Length { get; }

    /// <summary>Whether it can be in an index at all.</summary>
    public bool IsValid => Length > 0;

    /// <summary>Its <see cref="KeywordHash"/>.</summary>
    public ulong Hash { get; }

    /// <summary>The folded bytes; zero bytes follow them up to the next multiple of eight.</summary>
    public ReadOnlySpan<byte> Bytes => MemoryMarshal.CreateReadOnlySpan(ref _first, Math.Max(Length, 0));

    /// <summary>The folded bytes, for reading whole words up to the next multiple of eight.</summary>
    internal ref byte First => ref _first;

    /// <summary>Folds and hashes UTF-16.</summary>
    /// <param name="keyword">In any case.</param>
    /// <param name="buffer">At least <see cref="BufferBytes"/>; must outlive the result.</param>
    public static FoldedKeyword Create(scoped ReadOnlySpan<char> keyword, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buffer.Length, BufferBytes, nameof(buffer));
        ulong hash = HashAscii(ref MemoryMarshal.GetReference(keyword), keyword.Length, ref MemoryMarshal.GetReference(buffer));
        return hash == 0 ? CreateSlow(keyword, buffer) : new FoldedKeyword(ref MemoryMarshal.GetReference(buffer), keyword.Length, hash);
    }

    /// <summary>Folds and hashes 4 to 16 UTF-16 units that are all ASCII, in registers.</summary>
    /// <param name="keyword">The first of them.</param>
    /// <param name="length">How many.</param>
    /// <param name="first">The first eight folded bytes, zero padded.</param>
    /// <param name="second">The next ones.</param>
    /// <param name="hash">The hash.</param>
    /// <returns>False when they are something else.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryFoldPair(scoped ref char keyword, int length, out ulong first, out ulong second, out ulong hash)
    {
        ref ushort source = ref Unsafe.As<char, ushort>(ref keyword);
        hash = KeywordHash.Start(length);
        Vector128<byte> bytes;

        // Either way two halves that overlap; what they share is shifted out.
        if (length > 8)
        {
            bytes = Narrow(Vector128.LoadUnsafe(ref source), Vector128.LoadUnsafe(ref source, (nuint)(uint)(length - 8)));
            Vector128<ulong> words = ToLower(bytes).AsUInt64();
            first = words.ToScalar();
            second = words.GetElement(1) >> ((16 - length) * 8);
            hash = KeywordHash.Add(KeywordHash.Add(hash, first), second);
        }
        else
        {
            Vector128<ushort> units = Vector128.Create(
                Unsafe.ReadUnaligned<ulong>(ref Unsafe.As<ushort, byte>(ref source)),
                Unsafe.ReadUnaligned<ulong>(ref Unsafe.As<ushort, byte>(ref Unsafe.Add(ref source, (nint)(uint)(length - 4))))).AsUInt16();
            bytes = Narrow(units, units);
            ulong word = ToLower(bytes).AsUInt64().ToScalar();
            first = (uint)word | (word >> 32 >> ((8 - length) * 8) << 32);
            second = 0;
            hash = KeywordHash.Add(hash, first);
        }

        hash = KeywordHash.Finish(hash);
        return IsAscii(bytes);
    }

    /// <summary>Folds and hashes UTF-16 that is all ASCII.</summary>
    /// <param name="keyword">The first unit, in any case.</param>
    /// <param name="length">Units.</param>
    /// <param name="destination">Receives the folded bytes, as many as there are units, and zero bytes up to the next multiple of eight; room for <see cref="BufferBytes"/>.</param>
    /// <returns>The hash; 0 when the keyword is something else, or is too long, and <see cref="Create(ReadOnlySpan{char}, Span{byte})"/> must be asked. (If a hash is 0 indeed, asking it is harmless.)</returns>
    public static ulong HashAscii(scoped ref char keyword, int length, scoped ref byte destination)
    {
        if (length > KeywordFolding.MaxFoldedBytes)
        {
            return 0;
        }

        ref ushort source = ref Unsafe.As<char, ushort>(ref keyword);
        if (length < MinPairLength)
        {
            return HashShort(ref source, length, ref destination);
        }

        ulong hash;
        if (length <= MaxPairLength)
        {
            bool isAscii = TryFoldPair(ref keyword, length, out ulong first, out ulong second, out hash);
            Unsafe.WriteUnaligned(ref destination, first);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, 8), second);
            return isAscii ? hash : 0;
        }

        hash = KeywordHash.Start(length);
        ulong word;
        Vector128<byte> bytes;
        for (; length > 16; length -= 8)
        {
            Vector128<ushort> units = Vector128.LoadUnsafe(ref source);
            bytes = Narrow(units, units);
            if (!IsAscii(bytes))
            {
                return 0;
            }

            word = ToLower(bytes).AsUInt64().ToScalar();
            Unsafe.WriteUnaligned(ref destination, word);
            hash = KeywordHash.Add(hash, word);
            source = ref Unsafe.Add(ref source, 8);
            destination = ref Unsafe.Add(ref destination, 8);
        }

        // The last 9 to 16 units at once, the two halves overlapping.
        bytes = Narrow(Vector128.LoadUnsafe(ref source), Vector128.LoadUnsafe(ref source, (nuint)(uint)(length - 8)));
        Vector128<ulong> words = ToLower(bytes).AsUInt64();
        word = words.ToScalar();
        Unsafe.WriteUnaligned(ref destination, word);
        hash = KeywordHash.Add(hash, word);
        word = words.GetElement(1) >> ((16 - length) * 8);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, 8), word);
        return IsAscii(bytes) ? KeywordHash.Finish(KeywordHash.Add(hash, word)) : 0;
    }

    /// <summary>Folds and hashes UTF-8.</summary>
    /// <param name="keyword">In any case.</param>
    /// <param name="buffer">At least <see cref="BufferBytes"/>; must outlive the result.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FoldedKeyword Create(scoped ReadOnlySpan<byte> keyword, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buffer.Length, BufferBytes, nameof(buffer));
        ref byte destination = ref MemoryMarshal.GetReference(buffer);
        ref byte source = ref MemoryMarshal.GetReference(keyword);
        int length = keyword.Length;
        if (length is 0 or > KeywordFolding.MaxFoldedBytes)
        {
            // Above the limit it may still fit: a Kelvin sign has three bytes and folds to one.
            return CreateSlow(keyword, buffer);
        }

        ulong hash = KeywordHash.Start(length);
        ulong odd = 0;
        ulong word;
        int i = 0;
        for (; i < length - 8; i += 8)
        {
            word = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, i));
            odd |= word | (word - LowBits);
            word = ToLower(word);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, i), word);
            hash = KeywordHash.Add(hash, word);
        }

        word = KeywordHash.LastWord(ref source, length);

        // Shifted in two steps: a whole last word has no padding to mask, and a shift by 64 would be one by 0.
        ulong padding = LowBits << 1 << (((length - i) * 8) - 1);
        odd |= word | ((word | padding) - LowBits);
        if ((odd & HighBits) != 0)
        {
            return CreateSlow(keyword, buffer);
        }

        word = ToLower(word);
        Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, i), word);
        return new FoldedKeyword(ref destination, length, KeywordHash.Finish(KeywordHash.Add(hash, word)));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static FoldedKeyword CreateSlow(scoped ReadOnlySpan<char> keyword, Span<byte> buffer)
    {
        int length = KeywordFolding.FoldScalars(keyword, buffer);
        return new FoldedKeyword(ref MemoryMarshal.GetReference(buffer), length, length < 0 ? 0 : KeywordHash.Compute(buffer[..length]));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static FoldedKeyword CreateSlow(scoped ReadOnlySpan<byte> keyword, Span<byte> buffer)
    {
        int length = KeywordFolding.FoldScalars(keyword, buffer);
        return new FoldedKeyword(ref MemoryMarshal.GetReference(buffer), length, length < 0 ? 0 : KeywordHash.Compute(buffer[..length]));
    }

    private static ulong HashShort(ref ushort source, int length, ref byte destination)
    {
        if (length == 0)
        {
            return 0;
        }

        uint first = source;
        uint middle = Unsafe.Add(ref source, length >> 1);
        uint last = Unsafe.Add(ref source, length - 1);
        ulong word = first | (middle << (length >> 1 << 3)) | (last << ((length - 1) << 3));
        ulong zeros = (word | (LowBits << (length * 8))) - LowBits;
        if (((first | middle | last) & 0xFF80) != 0 || (zeros & HighBits) != 0)
        {
            return 0;
        }

        word = ToLower(word);
        Unsafe.WriteUnaligned(ref destination, word);
        return KeywordHash.Finish(KeywordHash.Add(KeywordHash.Start(length), word));
    }

    /// <summary>Sixteen UTF-16 units as bytes, such that all but 1 to 127 give 0 or at least 128: x64 saturates them as signed numbers to unsigned ones.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> Narrow(Vector128<ushort> first, Vector128<ushort> second) => Sse2.IsSupported
        ? Sse2.PackUnsignedSaturate(first.AsInt16(), second.AsInt16())
        : Vector128.NarrowWithSaturation(first, second);

    /// <summary>Whether what was narrowed is ASCII, without a NUL.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsAscii(Vector128<byte> bytes) => Vector128.GreaterThanAll(bytes.AsSByte(), Vector128<sbyte>.Zero);

    /// <summary>Lower-cases ASCII: moved up so far, only A to Z end in the top 26 places below 128.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> ToLower(Vector128<byte> bytes)
    {
        Vector128<sbyte> moved = (bytes + Vector128.Create((byte)(0x7F - 'Z'))).AsSByte();
        return bytes | (Vector128.GreaterThan(moved, Vector128.Create((sbyte)(0x7F - 26))).AsByte() & Vector128.Create((byte)0x20));
    }

    /// <summary>Lower-cases eight ASCII bytes at once: a byte's high bit of the sums tells "at least A" and "above Z".</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong ToLower(ulong word)
    {
        ulong atLeastA = word + (LowBits * (0x80 - 'A'));
        ulong aboveZ = word + (LowBits * (0x7F - 'Z'));
        return word | (((atLeastA ^ aboveZ) & HighBits) >> 2);
    }
}
