namespace DimensionStore;

/// <summary>Unicode simple case folding (CaseFolding.txt, statuses C and S) from UTF-16 or UTF-8 to folded UTF-8, the form keywords have in an index.</summary>
public static class KeywordFolding
{
    /// <summary>The longest folded keyword that an index holds, in bytes of UTF-8.</summary>
    public const int MaxFoldedBytes = 1024;

    /// <summary>Folds a keyword.</summary>
    /// <param name="keyword">UTF-16; an unpaired surrogate is not a keyword.</param>
    /// <param name="destination">At least <see cref="MaxFoldedBytes"/> + 8 bytes.</param>
    /// <returns>Bytes written, or −1 when the keyword is empty, too long, holds a NUL or an unpaired surrogate: such a keyword is in no index.</returns>
    public static int Fold(ReadOnlySpan<char> keyword, Span<byte> destination) => throw new NotImplementedException();

    /// <summary>Folds a keyword given as UTF-8; −1 also when it is not valid UTF-8.</summary>
    public static int Fold(ReadOnlySpan<byte> utf8Keyword, Span<byte> destination) => throw new NotImplementedException();
}
