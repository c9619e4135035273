using System.Buffers;
using System.Text;

namespace DimensionStore.Tests.Import;

public sealed class WordNetDataFileTests : IDisposable
{
    private readonly WordNetFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Words_are_as_in_the_file_and_with_spaces_too()
    {
        WordNetDataFile nouns = Read("data.noun");

        Assert.Equal(4, nouns.Synsets.Count);
        Assert.Equal(["joy", "Great_Joy", "Great Joy"], Keywords(nouns, 0));
        Assert.Equal(["dog", "domestic_dog", "domestic dog", "Canis_familiaris", "Canis familiaris"], Keywords(nouns, 1));
        Assert.Equal(["O'Hara's_muscle", "O'Hara's muscle", "24/7", "dog"], Keywords(nouns, 3));
        Assert.Equal([12, 5, 21, 8], nouns.Synsets.Select(s => (int)s.LexicographerFile));
    }

    [Fact]
    public void Markers_of_adjectives_are_taken_off_and_nothing_else() =>
        Assert.Equal(["asleep", "fast", "galore", "curly(x)"], Keywords(Read("data.adj"), 0));

    [Fact]
    public void Word_counts_are_hexadecimal() => Assert.Equal(26, Keywords(Read("data.adv"), 0).Length);

    [Fact]
    public void A_gloss_goes_from_the_first_bar_to_the_end_trimmed()
    {
        Assert.Equal("a feeling; \"joy | sorrow\"", Gloss(Read("data.noun"), 0));
        Assert.Equal("be engaged in a fight", Gloss(Read("data.verb"), 1));
        Assert.Equal("", Gloss(Read("data.adv"), 0));
    }

    [Fact]
    public void Pointers_and_frames_are_read_past()
    {
        Assert.Equal([200, 110, -1, -1], Read("data.noun").FarthestTargets);
        Assert.Equal([-1, 110, -1, -1], Read("data.verb").FarthestTargets);
    }

    [Theory]
    [InlineData("000 | what is owed", "000 what is owed", "expected the | before the gloss")]
    [InlineData("000 | what", "001 | what", "expected a pointer's synset offset of 8 digits")]
    [InlineData("01 debt", "00 debt", "the synset has no words")]
    [InlineData("01 debt", "0g debt", "found \"0g\"")]
    [InlineData("01 debt", "1 debt", "expected a word count of 2 digits")]
    [InlineData("01 debt", "02 debt", "expected a lex_id of 1 digits")]
    [InlineData("21 n", "21 v", "expected a synset type of data.noun")]
    [InlineData("21 n", "29 n", "lexicographer file 29 does not belong to data.noun")]
    [InlineData("21 n", "45 n", "lexicographer file 45 does not belong to data.noun")]
    [InlineData("21 n", "ab n", "expected a lexicographer file number of 2 digits")]
    [InlineData(" debt ", "  debt ", "expected a word and a space")]
    [InlineData("debt 0", "(a) 0", "word 1 has 0 bytes")]
    [InlineData("debt 0", "de\0t 0", "word 1 has 4 bytes or holds a NUL")]
    [InlineData("@ 00000200", "@@@ 00000200", "expected a pointer symbol of one or two characters")]
    [InlineData("00000200 n", "00000200 x", "expected a pointer's part of speech")]
    [InlineData("an animal that barks", "an animal", "something before it was added or lost")]
    [InlineData("what is owed  \n", "what is owed  \n\n", "found the end of the line before column 1")]
    [InlineData("what is owed  \n", "what is owed  \n  a line in the middle\n", "found \"  a line")]
    public void A_malformed_line_is_refused_with_file_and_line(string from, string to, string expected)
    {
        string text = _fixture["data.noun"];
        string changed = text.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(text, changed);
        _fixture["data.noun"] = changed;
        _fixture.Write();

        InvalidEntryException error = Assert.Throws<InvalidEntryException>(() => Read("data.noun"));

        Assert.Equal(_fixture.PathOf("data.noun"), error.SourceName);
        Assert.InRange(error.Line ?? 0, 4, 6);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Broken_frames_are_refused()
    {
        _fixture["data.verb"] = _fixture["data.verb"].Replace("+ 21 01", "- 21 01", StringComparison.Ordinal);
        _fixture.Write();
        Assert.Contains("expected the + before a frame", Assert.Throws<InvalidEntryException>(() => Read("data.verb")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_truncation_and_damaged_byte_gives_synsets_or_the_typed_error()
    {
        byte[] whole = File.ReadAllBytes(_fixture.PathOf("data.noun"));
        int lines = 0;
        for (int length = 0; length < whole.Length; length++)
        {
            byte[] cut = whole[..length];
            if (length > 0 && whole[length - 1] == '\n' && ++lines > 2)
            {
                // Whole lines are a database; what else is missing shows in the pointers.
                Assert.Equal(lines - 2, Parse(cut).Synsets.Count);
                continue;
            }

            Assert.Throws<InvalidEntryException>(() => Parse(cut));
        }

        int refused = 0;
        for (int i = 0; i < whole.Length; i++)
        {
            foreach (byte other in (byte[])[0, (byte)' ', (byte)'\n', (byte)'|', (byte)'9', 0xFF])
            {
                byte[] changed = [.. whole];
                changed[i] = other;
                try
                {
                    _ = Parse(changed);
                }
                catch (InvalidEntryException)
                {
                    refused++;
                }
            }
        }

        Assert.True(refused > whole.Length, "hardly any damage was noticed");
    }

    [Fact]
    public void The_licence_alone_is_no_database()
    {
        using WordNetFixture empty = new(fill: false);
        empty.Write();
        InvalidEntryException error = Assert.Throws<InvalidEntryException>(() => WordNetDataFile.Read(empty.PathOf("data.adv"), 3, WordNetMap.Default, TestContext.Current.CancellationToken));
        Assert.Contains("there is no synset in the file", error.Message, StringComparison.Ordinal);
    }

    private static WordNetDataFile Parse(byte[] nouns) => WordNetDataFile.Parse("data.noun", nouns, 0, WordNetMap.Default, TestContext.Current.CancellationToken);

    private WordNetDataFile Read(string name) =>
        WordNetDataFile.Read(_fixture.PathOf(name), Array.IndexOf(WordNetDataFile.Names, name), WordNetMap.Default, TestContext.Current.CancellationToken);

    private static string[] Keywords(WordNetDataFile file, int synset)
    {
        ArrayBufferWriter<byte> keywords = new();
        file.AddKeywords(file.Synsets[synset], keywords);
        return Encoding.UTF8.GetString(keywords.WrittenSpan).Split('\0');
    }

    private static string Gloss(WordNetDataFile file, int synset) => Encoding.UTF8.GetString(file.Gloss(file.Synsets[synset]));
}
