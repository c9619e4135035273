using System.Buffers;
using System.Text;

namespace DimensionStore;

/// <summary>Patterns of <c>*</c> and <c>?</c> over folded UTF-8.</summary>
internal static class WildcardPattern
{
    /// <summary>Folds a pattern and merges runs of <c>*</c>; null when it is empty, holds a NUL or an unpaired surrogate. No character folds to or from <c>*</c> or <c>?</c>.</summary>
    public static byte[]? Fold(ReadOnlySpan<char> pattern)
    {
        var folded = new ArrayBufferWriter<byte>(Math.Max(pattern.Length, 1));
        bool afterStar = false;
        while (!pattern.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(pattern, out Rune scalar, out int consumed) != OperationStatus.Done || scalar.Value == 0)
            {
                return null;
            }

            pattern = pattern[consumed..];
            bool isStar = scalar.Value == '*';
            if (!(isStar && afterStar))
            {
                folded.Advance(new Rune(KeywordFolding.FoldScalar(scalar.Value)).EncodeToUtf8(folded.GetSpan(4)));
            }

            afterStar = isStar;
        }

        return folded.WrittenCount == 0 ? null : folded.WrittenSpan.ToArray();
    }

    /// <summary>
    /// Whether a key matches. Goes back to the last <c>*</c> only: an earlier one could but take what the last can take as well,
    /// so the work is at most the product of both lengths, where trying every <c>*</c> anew is exponential.
    /// </summary>
    public static bool IsMatch(ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> key)
    {
        int p = 0;
        int k = 0;
        int star = -1;
        int resume = 0;
        while (k < key.Length)
        {
            if (p < pattern.Length && pattern[p] == (byte)'*')
            {
                star = p++;
                resume = k;
            }
            else if (p < pattern.Length && pattern[p] == (byte)'?')
            {
                p++;
                k = NextScalar(key, k);
            }
            else if (p < pattern.Length && pattern[p] == key[k])
            {
                p++;
                k++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                resume = NextScalar(key, resume);
                k = resume;
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == (byte)'*')
        {
            p++;
        }

        return p == pattern.Length;
    }

    private static int NextScalar(ReadOnlySpan<byte> key, int position)
    {
        position++;
        while (position < key.Length && (key[position] & 0xC0) == 0x80)
        {
            position++;
        }

        return position;
    }
}
