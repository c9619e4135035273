using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace DimensionStore;

/// <summary>A keyword folded and hashed in one pass, ready to be looked up in any number of indexes.</summary>
internal readonly ref struct FoldedKeyword
{
    /// <summary>Room that <see cref="Create(ReadOnlySpan{char}, Span{byte})"/> needs.</summary>
    public const int BufferBytes = KeywordFolding.MaxFoldedBytes + 8;

    private const ulong HighBits = 0x8080808080808080;
    private const ulong LowBits = 0x0101010101010101;

    private readonly ref byte _first;

    private FoldedKeyword(ref byte first, int length, uint hash)
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
    public uint Hash { get; }

    /// <summary>The folded bytes; zero bytes follow them up to the next multiple of eight.</summary>
    public ReadOnlySpan<byte> Bytes => MemoryMarshal.CreateReadOnlySpan(ref _first, Math.Max(Length, 0));

    /// <summary>The first of them.</summary>
    internal ref byte First => ref _first;

    /// <summary>Folds and hashes UTF-16.</summary>
    /// <param name="keyword">In any case.</param>
    /// <param name="buffer">At least <see cref="BufferBytes"/>; must outlive the result.</param>
    public static FoldedKeyword Create(scoped ReadOnlySpan<char> keyword, Span<byte> buffer)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(buffer.Length, BufferBytes, nameof(buffer));
        return TryFoldAscii(ref MemoryMarshal.GetReference(keyword), keyword.Length, ref MemoryMarshal.GetReference(buffer), out uint hash)
            ? new FoldedKeyword(ref MemoryMarshal.GetReference(buffer), keyword.Length, hash)
            : CreateSlow(keyword, buffer);
    }

    /// <summary>Folds and hashes UTF-16 that is all ASCII.</summary>
    /// <param name="keyword">The first unit, in any case.</param>
    /// <param name="length">Units.</param>
    /// <param name="destination">Receives the folded bytes, as many as there are units, and zero bytes up to the next multiple of sixteen; room for <see cref="BufferBytes"/>.</param>
    /// <param name="hash">The hash.</param>
    /// <returns>False when the keyword is something else, or too long: <see cref="Create(ReadOnlySpan{char}, Span{byte})"/> must be asked.</returns>
    public static bool TryFoldAscii(scoped ref char keyword, int length, scoped ref byte destination, out uint hash)
    {
        hash = KeywordHash.Start;
        if (length <= AsciiKeyword.BlockLength)
        {
            bool isAscii = AsciiKeyword.TryFoldAnywhere(ref keyword, length, out Vector128<byte> only);
            only.StoreUnsafe(ref destination);
            hash = KeywordHash.Finish(KeywordHash.Add(hash, only));
            return isAscii && !HasNul(ref destination, length);
        }

        if (length > KeywordFolding.MaxFoldedBytes)
        {
            return false;
        }

        int start = 0;
        for (; start <= length - AsciiKeyword.BlockLength; start += AsciiKeyword.BlockLength)
        {
            if (!AsciiKeyword.TryFoldBlock(ref keyword, start, out Vector128<byte> block))
            {
                return false;
            }

            block.StoreUnsafe(ref destination, (nuint)(uint)start);
            hash = KeywordHash.Add(hash, block);
        }

        if (start < length)
        {
            // The last sixteen units, of which the first ones have been folded before and are moved out.
            if (!AsciiKeyword.TryFoldBlock(ref keyword, length - AsciiKeyword.BlockLength, out Vector128<byte> last))
            {
                return false;
            }

            last = AsciiKeyword.ShiftDown(last, start + AsciiKeyword.BlockLength - length);
            last.StoreUnsafe(ref destination, (nuint)(uint)start);
            hash = KeywordHash.Add(hash, last);
        }

        hash = KeywordHash.Finish(hash);
        return !HasNul(ref destination, length);
    }

    /// <summary>Folds and hashes UTF-8.</summary>
    /// <param name="keyword">In any case.</param>
    /// <param name="buffer">At least <see cref="BufferBytes"/>; must outlive the result.</param>
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

        ulong odd = 0;
        ulong word;
        int i = 0;
        for (; i < length - 8; i += 8)
        {
            word = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref source, i));
            odd |= word | (word - LowBits);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, i), ToLower(word));
        }

        word = LittleEndian.LastWord(ref source, length);

        // Shifted in two steps: a whole last word has no padding to mask, and a shift by 64 would be one by 0.
        ulong padding = LowBits << 1 << (((length - i) * 8) - 1);
        odd |= word | ((word | padding) - LowBits);
        if ((odd & HighBits) != 0)
        {
            return CreateSlow(keyword, buffer);
        }

        Unsafe.WriteUnaligned(ref Unsafe.Add(ref destination, i), ToLower(word));
        return new FoldedKeyword(ref destination, length, KeywordHash.Compute(buffer[..length]));
    }

    private static bool HasNul(scoped ref byte first, int length) => MemoryMarshal.CreateReadOnlySpan(ref first, length).Contains((byte)0);

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
