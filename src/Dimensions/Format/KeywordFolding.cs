using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace DimensionStore;

/// <summary>Unicode simple case folding (CaseFolding.txt, statuses C and S) from UTF-16 or UTF-8 to folded UTF-8, the form keywords have in an index.</summary>
public static class KeywordFolding
{
    /// <summary>The longest folded keyword that an index holds, in bytes of UTF-8.</summary>
    public const int MaxFoldedBytes = 1024;

    /// <summary>Folds a keyword. Bytes of <paramref name="destination"/> behind the result up to the next multiple of eight are set to zero.</summary>
    /// <param name="keyword">UTF-16; an unpaired surrogate is not a keyword.</param>
    /// <param name="destination">At least <see cref="MaxFoldedBytes"/> + 8 bytes.</param>
    /// <returns>Bytes written, or −1 when the keyword is empty, too long, holds a NUL or an unpaired surrogate: such a keyword is in no index.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is too short.</exception>
    public static int Fold(ReadOnlySpan<char> keyword, Span<byte> destination) => FoldedKeyword.Create(keyword, destination).Length;

    /// <summary>Folds a keyword given as UTF-8; −1 also when it is not valid UTF-8.</summary>
    /// <param name="utf8Keyword">UTF-8.</param>
    /// <param name="destination">At least <see cref="MaxFoldedBytes"/> + 8 bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="destination"/> is too short.</exception>
    public static int Fold(ReadOnlySpan<byte> utf8Keyword, Span<byte> destination) => FoldedKeyword.Create(utf8Keyword, destination).Length;

    /// <summary>Folds one Unicode scalar value.</summary>
    internal static int FoldScalar(int scalar)
    {
        if (scalar < 0x80)
        {
            return (uint)(scalar - 'A') <= 'Z' - 'A' ? scalar | 0x20 : scalar;
        }

        ReadOnlySpan<int> first = KeywordFoldingTable.First;
        int low = 0;
        int high = first.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >> 1;
            if (first[middle] <= scalar)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        bool folds = scalar <= KeywordFoldingTable.Last[low]
            && (KeywordFoldingTable.Stride[low] == 1 || ((scalar - first[low]) & 1) == 0);
        return folds ? scalar + KeywordFoldingTable.Delta[low] : scalar;
    }

    /// <summary>Folds any UTF-16, scalar by scalar; the way for what is not pure ASCII.</summary>
    internal static int FoldScalars(ReadOnlySpan<char> keyword, Span<byte> destination)
    {
        int written = 0;
        while (!keyword.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(keyword, out Rune scalar, out int consumed) != OperationStatus.Done
                || !Append(scalar.Value, destination, ref written))
            {
                return -1;
            }

            keyword = keyword[consumed..];
        }

        return End(destination, written);
    }

    /// <summary>Folds any UTF-8, scalar by scalar.</summary>
    internal static int FoldScalars(ReadOnlySpan<byte> utf8Keyword, Span<byte> destination)
    {
        int written = 0;
        while (!utf8Keyword.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(utf8Keyword, out Rune scalar, out int consumed) != OperationStatus.Done
                || !Append(scalar.Value, destination, ref written))
            {
                return -1;
            }

            utf8Keyword = utf8Keyword[consumed..];
        }

        return End(destination, written);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Append(int scalar, Span<byte> destination, ref int written)
    {
        if (scalar == 0)
        {
            return false;
        }

        written += new Rune(FoldScalar(scalar)).EncodeToUtf8(destination[written..]);
        return written <= MaxFoldedBytes;
    }

    private static int End(Span<byte> destination, int written)
    {
        if (written == 0)
        {
            return -1;
        }

        destination.Slice(written, 8).Clear();
        return written;
    }
}
