using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DimensionStore;

/// <summary>
/// A keyword folded and hashed in one pass, ready to be looked up in any number of indexes. Pure ASCII goes through registers:
/// eight characters are narrowed to one 64-bit word, lower-cased, hashed and stored as that word, so that the lookup's
/// comparison loads exactly what was stored and never waits for several narrow stores to drain.
/// </summary>
internal readonly ref struct FoldedKeyword
{
    /// <summary>Room that <see cref="Create(ReadOnlySpan{char}, Span{byte})"/> needs.</summary>
    public const int BufferBytes = KeywordFolding.MaxFoldedBytes + 8;

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
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static FoldedKeyword Create(scoped ReadOnlySpan<char> keyword, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buffer.Length, BufferBytes, nameof(buffer));
        ref byte destination = ref MemoryMarshal.GetReference(buffer);
        ref ushort source = ref Unsafe.As<char, ushort>(ref MemoryMarshal.GetReference(keyword));
        int length = keyword.Length;
        ulong hash = KeywordHash.Start(length);
        ulong zeros = 0;
        ulong word;
        if (length >= 8)
        {
            if (length > KeywordFolding.MaxFoldedBytes)
            {
                // Every UTF-16 unit folds to at least one byte.
                return new FoldedKeyword(ref destination, -1, 0);
            }

            int i = 0;
            Vector128<ushort> units;
            for (; i < length - 8; i += 8)
            {
                units = Vector128.LoadUnsafe(ref source, (nuint)i);
                if ((units & Vector128.Create<ushort>(0xFF80)) != Vector128<ushort>.Zero)
                {
                    return CreateSlow(keyword, buffer);
                }

                word = Vector128.Narrow(units, units).AsUInt64().ToScalar();
                zeros |= word - LowBits;
                word = ToLower(word);
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, i), word);
                hash = KeywordHash.Add(hash, word);
            }

            units = Vector128.LoadUnsafe(ref source, (nuint)(length - 8));
            if ((units & Vector128.Create<ushort>(0xFF80)) != Vector128<ushort>.Zero)
            {
                return CreateSlow(keyword, buffer);
            }

            word = Vector128.Narrow(units, units).AsUInt64().ToScalar();
            zeros |= word - LowBits;
            word = ToLower(word) >> ((8 - (length - i)) * 8);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, i), word);
        }
        else
        {
            if (length == 0)
            {
                return new FoldedKeyword(ref destination, -1, 0);
            }

            if (length >= 4)
            {
                ulong low = Unsafe.ReadUnaligned<ulong>(ref Unsafe.As<ushort, byte>(ref source));
                ulong high = Unsafe.ReadUnaligned<ulong>(ref Unsafe.As<ushort, byte>(ref Unsafe.Add(ref source, length - 4)));
                if (((low | high) & 0xFF80FF80FF80FF80) != 0)
                {
                    return CreateSlow(keyword, buffer);
                }

                Vector128<ushort> units = Vector128.Create(low, high).AsUInt16();
                word = Vector128.Narrow(units, units).AsUInt64().ToScalar();
                word = (uint)word | (word >> 32 >> ((8 - length) * 8) << 32);
            }
            else
            {
                uint first = source;
                uint middle = Unsafe.Add(ref source, length >> 1);
                uint last = Unsafe.Add(ref source, length - 1);
                if (((first | middle | last) & 0xFF80) != 0)
                {
                    return CreateSlow(keyword, buffer);
                }

                word = first | (middle << (length >> 1 << 3)) | (last << ((length - 1) << 3));
            }

            zeros = (word | (LowBits << (length * 8))) - LowBits;
            word = ToLower(word);
            Unsafe.WriteUnaligned(ref destination, word);
        }

        hash = KeywordHash.Finish(KeywordHash.Add(hash, word));
        return (zeros & HighBits) == 0
            ? new FoldedKeyword(ref destination, length, hash)
            : CreateSlow(keyword, buffer);
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

    /// <summary>Lower-cases eight ASCII bytes at once: a byte's high bit of the sums tells "at least A" and "above Z".</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong ToLower(ulong word)
    {
        ulong atLeastA = word + (LowBits * (0x80 - 'A'));
        ulong aboveZ = word + (LowBits * (0x7F - 'Z'));
        return word | (((atLeastA ^ aboveZ) & HighBits) >> 2);
    }
}
