using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Tests.Format;

public sealed class KeywordFoldingTests
{
    private const string CaseFoldingFile = "/usr/share/unicode/CaseFolding.txt";

    [Theory]
    [InlineData("Apple", "apple")]
    [InlineData("APPLE PIE, WITH A LONG CRUST", "apple pie, with a long crust")]
    [InlineData("@[`{", "@[`{")]
    [InlineData("ΟΔΟΣ", "οδοσ")]
    [InlineData("οδος", "οδοσ")]
    [InlineData("\u212A", "k")]
    [InlineData("\u017F", "s")]
    [InlineData("\u2126", "ω")]
    [InlineData("STRASSE", "strasse")]
    [InlineData("Stra\u1E9Ee", "stra\u00DFe")]
    [InlineData("Straße", "straße")]
    [InlineData("İ", "İ")]
    [InlineData("I", "i")]
    [InlineData("ı", "ı")]
    [InlineData("\u13A0", "\u13A0")]
    [InlineData("\uAB70", "\u13A0")]
    [InlineData("\u13F8", "\u13F0")]
    [InlineData("\U00010400", "\U00010428")]
    [InlineData("\u023A", "\u2C65")]
    [InlineData("e\u0301É", "e\u0301é")]
    [InlineData("北京 Beijing", "北京 beijing")]
    public void Folds_by_simple_case_folding(string keyword, string expected)
    {
        Assert.Equal(expected, Fold(keyword));
        Assert.Equal(expected, Fold(Encoding.UTF8.GetBytes(keyword)));
    }

    [Fact]
    public void Agrees_with_the_Unicode_table_for_every_scalar()
    {
        Assert.SkipUnless(File.Exists(CaseFoldingFile), $"{CaseFoldingFile} (package unicode-data) is not on this machine.");
        string[] lines = File.ReadAllLines(CaseFoldingFile);
        Assert.SkipUnless(lines[0].StartsWith("# CaseFolding-15.0.", StringComparison.Ordinal), "CaseFolding.txt is not of Unicode 15.0.");
        var expected = new Dictionary<int, int>();
        foreach (string line in lines)
        {
            string[] fields = line.Split("; ");
            if (fields.Length >= 3 && fields[1] is "C" or "S" && line[0] != '#')
            {
                expected.Add(Hex(fields[0]), Hex(fields[2]));
            }
        }

        Assert.Equal(1454, expected.Count);
        for (int scalar = 0; scalar <= 0x10FFFF; scalar++)
        {
            int want = expected.GetValueOrDefault(scalar, scalar);
            if (KeywordFolding.FoldScalar(scalar) != want)
            {
                Assert.Fail($"U+{scalar:X4} folds to U+{KeywordFolding.FoldScalar(scalar):X4}, the table says U+{want:X4}.");
            }
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\0b")]
    [InlineData("\0")]
    [InlineData("abcdefgh\0")]
    [InlineData("\0bcdefghijkl")]
    [InlineData("abcdefghijklmno\0")]
    [InlineData("é\0")]
    public void Refuses_what_is_no_keyword(string keyword)
        => Assert.Equal(-1, KeywordFolding.Fold(keyword, new byte[FoldedKeyword.BufferBytes]));

    [Fact]
    public void The_fast_ways_agree_with_the_scalar_one_for_every_length_and_place()
    {
        // Ends of the ranges that the vector code tells apart, and units whose low byte alone looks like ASCII.
        char[] units = ['\0', '\u0001', '@', 'A', 'Z', '[', 'z', '\u007F', '\u0080', '\u00C9', '\u00FF', '\u0141', '\u017F', '\u7F41', '\u8041', '\uFFFD', '\uFFFF'];
        byte[] expected = new byte[FoldedKeyword.BufferBytes];
        byte[] found = new byte[FoldedKeyword.BufferBytes];
        int checks = 0;
        for (int length = 1; length <= 41; length++)
        {
            char[] keyword = [.. Enumerable.Range(0, length).Select(static i => (char)((i % 3 == 0 ? 'A' : 'a') + (i % 26)))];
            for (int place = 0; place < length; place++)
            {
                char before = keyword[place];
                foreach (char unit in units)
                {
                    keyword[place] = unit;
                    int bytes = KeywordFolding.FoldScalars(keyword, expected);
                    found.AsSpan().Fill(0xEE);
                    FoldedKeyword folded = FoldedKeyword.Create(keyword, found);
                    Assert.Equal(bytes, folded.Length);
                    if (bytes > 0)
                    {
                        int padded = (bytes + 7) & ~7;
                        Assert.Equal(expected.AsSpan(0, padded), found.AsSpan(0, padded));
                        Assert.Equal(KeywordHash.Compute(expected.AsSpan(0, bytes)), folded.Hash);
                    }

                    checks++;
                }

                keyword[place] = before;
            }
        }

        Assert.Equal(41 * 42 / 2 * units.Length, checks);
    }

    // Not as InlineData: attributes are stored as UTF-8, which has no unpaired surrogates.
    [Fact]
    public void Refuses_unpaired_surrogates()
    {
        foreach (string keyword in (string[])["\uD800", "a\uDC00b", "abcdefghijkl\uD800", "\uDC00\uD800"])
        {
            Assert.Equal(-1, KeywordFolding.Fold(keyword, new byte[FoldedKeyword.BufferBytes]));
        }
    }

    [Theory]
    [InlineData("80")]
    [InlineData("C080")]
    [InlineData("EDA080")]
    [InlineData("F4908080")]
    [InlineData("61C3")]
    [InlineData("6162636465666768696AFF")]
    [InlineData("6100")]
    [InlineData("616263646566676800")]
    public void Refuses_what_is_no_utf8(string hex)
        => Assert.Equal(-1, KeywordFolding.Fold(Convert.FromHexString(hex), new byte[FoldedKeyword.BufferBytes]));

    [Fact]
    public void Limit_is_on_folded_bytes()
    {
        var buffer = new byte[FoldedKeyword.BufferBytes];
        Assert.Equal(1024, KeywordFolding.Fold(new string('X', 1024), buffer));
        Assert.Equal(-1, KeywordFolding.Fold(new string('X', 1025), buffer));
        Assert.Equal(1024, KeywordFolding.Fold(Encoding.UTF8.GetBytes(new string('X', 1024)), buffer));
        Assert.Equal(-1, KeywordFolding.Fold(Encoding.UTF8.GetBytes(new string('X', 1025)), buffer));
        Assert.Equal(1024, KeywordFolding.Fold(new string('É', 512), buffer));
        Assert.Equal(-1, KeywordFolding.Fold(new string('É', 513), buffer));
        Assert.Equal(-1, KeywordFolding.Fold(new string('\u023A', 342), buffer));
        Assert.Equal(1024, KeywordFolding.Fold(Encoding.UTF8.GetBytes(new string('\u212A', 1024)), buffer));
        Assert.Equal(-1, KeywordFolding.Fold(Encoding.UTF8.GetBytes(new string('\u212A', 1025)), buffer));
        Assert.Throws<ArgumentOutOfRangeException>(() => KeywordFolding.Fold("a", new byte[FoldedKeyword.BufferBytes - 1]));
    }

    [Fact]
    public void Any_text_folds_hashes_and_pads_like_the_reference()
    {
        Gen<int> unit = Gen.Frequency(
            (12, Gen.Choose('A', 'z')),
            (1, Gen.Choose(0, 0x7F)),
            (1, Gen.Choose(0x80, 0x600)),
            (1, Gen.Choose(0x1C00, 0x2200)),
            (1, Gen.Choose(0xD7F0, 0xE010)));
        Gen<string> ascii = Gen.Choose('A', 'z').ArrayOf().Select(Text);
        Gen<string> text = Gen.OneOf(ascii, unit.ArrayOf().Select(Text));
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(5_000), Prop.ForAll(text.ToArbitrary(), AgreesWithReference));
    }

    [Fact]
    public void Every_length_of_ascii_agrees_with_the_reference()
    {
        for (int length = 0; length <= 1030; length++)
        {
            string keyword = string.Create(length, length, static (span, n) =>
            {
                for (int i = 0; i < span.Length; i++)
                {
                    span[i] = (char)(1 + ((i * 31 + n) % 127));
                }
            });
            Assert.True(AgreesWithReference(keyword), $"length {length}");
        }
    }

    private static bool AgreesWithReference(string keyword)
    {
        byte[]? expected = ReferenceFold(keyword);
        var buffer = new byte[FoldedKeyword.BufferBytes];
        Array.Fill(buffer, (byte)0xEE);
        FoldedKeyword folded = FoldedKeyword.Create(keyword, buffer);
        if (!Same(folded, expected, buffer))
        {
            return false;
        }

        if (Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(keyword)) != keyword)
        {
            return true;
        }

        Array.Fill(buffer, (byte)0xEE);
        return Same(FoldedKeyword.Create(Encoding.UTF8.GetBytes(keyword), buffer), expected, buffer);
    }

    private static bool Same(FoldedKeyword folded, byte[]? expected, byte[] buffer)
    {
        if (expected is null)
        {
            return folded.Length == -1 && !folded.IsValid && folded.Bytes.IsEmpty;
        }

        int padded = (expected.Length + 7) & ~7;
        return folded.IsValid
            && folded.Bytes.SequenceEqual(expected)
            && folded.Hash == ReferenceHash.Compute(expected)
            && folded.Hash == KeywordHash.Compute(expected)
            && !buffer.AsSpan(expected.Length, padded - expected.Length).ContainsAnyExcept((byte)0);
    }

    private static byte[]? ReferenceFold(string keyword)
    {
        var folded = new StringBuilder();
        for (int i = 0; i < keyword.Length; i++)
        {
            if (!Rune.TryGetRuneAt(keyword, i, out Rune rune) || rune.Value == 0)
            {
                return null;
            }

            folded.Append(new Rune(KeywordFolding.FoldScalar(rune.Value)));
            i += rune.Utf16SequenceLength - 1;
        }

        byte[] bytes = Encoding.UTF8.GetBytes(folded.ToString());
        return bytes.Length is 0 or > KeywordFolding.MaxFoldedBytes ? null : bytes;
    }

    private static string Text(int[] units) => new(Array.ConvertAll(units, unit => (char)unit));

    private static string Fold(string keyword)
    {
        var buffer = new byte[FoldedKeyword.BufferBytes];
        return Encoding.UTF8.GetString(buffer, 0, KeywordFolding.Fold(keyword, buffer));
    }

    private static string Fold(byte[] keyword)
    {
        var buffer = new byte[FoldedKeyword.BufferBytes];
        return Encoding.UTF8.GetString(buffer, 0, KeywordFolding.Fold(keyword, buffer));
    }

    private static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
