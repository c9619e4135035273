using System.Text;

namespace DimensionStore;

/// <summary>
/// Reads the fields of a synset line from left to right, as wndb(5WN) orders them. Every method reads one field and the space behind it,
/// and throws <see cref="FormatException"/> when something else is there.
/// </summary>
internal ref struct WordNetLine(ReadOnlySpan<byte> line)
{
    private readonly ReadOnlySpan<byte> _line = line;

    /// <summary>Offset of the next field.</summary>
    public int Position { get; private set; }

    /// <summary>Where the line begins in its file.</summary>
    public int SynsetOffset() => Number(8, 10, "a synset offset");

    /// <summary>Number of the lexicographer file.</summary>
    public int LexicographerFile() => Number(2, 10, "a lexicographer file number");

    /// <summary>The synset's type, which must suit the data file.</summary>
    public void SynsetType(int layer)
    {
        ReadOnlySpan<byte> type = Field("a synset type");
        bool suits = type.Length == 1 && layer switch
        {
            0 => type[0] is (byte)'n',
            1 => type[0] is (byte)'v',
            2 => type[0] is (byte)'a' or (byte)'s',
            _ => type[0] is (byte)'r',
        };
        if (!suits)
        {
            throw Unexpected(type, $"a synset type of {WordNetDataFile.Names[layer]}");
        }
    }

    /// <summary>How many words follow.</summary>
    public int WordCount()
    {
        int count = Number(2, 16, "a word count");
        return count > 0 ? count : throw new FormatException("the synset has no words");
    }

    /// <summary>A word, without the marker that adjectives may have: <c>(a)</c>, <c>(p)</c> or <c>(ip)</c>.</summary>
    public ReadOnlySpan<byte> Word()
    {
        ReadOnlySpan<byte> word = Field("a word");
        return word switch
        {
            [.., (byte)'(', (byte)'a' or (byte)'p', (byte)')'] => word[..^3],
            [.., (byte)'(', (byte)'i', (byte)'p', (byte)')'] => word[..^4],
            _ => word,
        };
    }

    /// <summary>The number that tells senses of a word apart within a lexicographer file.</summary>
    public int LexicalId() => Number(1, 16, "a lex_id");

    /// <summary>How many pointers follow.</summary>
    public int PointerCount() => Number(3, 10, "a pointer count");

    /// <summary>A pointer: the data file (by layer) and the offset it refers to.</summary>
    public (int PartOfSpeech, int Target) Pointer()
    {
        ReadOnlySpan<byte> symbol = Field("a pointer symbol");
        if (symbol.Length is < 1 or > 2)
        {
            throw Unexpected(symbol, "a pointer symbol of one or two characters");
        }

        int target = Number(8, 10, "a pointer's synset offset");
        ReadOnlySpan<byte> partOfSpeech = Field("a pointer's part of speech");
        int layer = partOfSpeech.Length != 1 ? -1 : partOfSpeech[0] switch
        {
            (byte)'n' => 0,
            (byte)'v' => 1,
            (byte)'a' or (byte)'s' => 2,
            (byte)'r' => 3,
            _ => -1,
        };
        if (layer < 0)
        {
            throw Unexpected(partOfSpeech, "a pointer's part of speech: n, v, a, s or r");
        }

        _ = Number(4, 16, "a pointer's source and target words");
        return (layer, target);
    }

    /// <summary>The sentence frames that verbs have, up to the bar before the gloss.</summary>
    public void Frames(bool isVerb)
    {
        if (!isVerb)
        {
            return;
        }

        for (int frames = Number(2, 10, "a frame count"); frames > 0; frames--)
        {
            ReadOnlySpan<byte> plus = Field("the + before a frame");
            if (!plus.SequenceEqual("+"u8))
            {
                throw Unexpected(plus, "the + before a frame");
            }

            _ = Number(2, 10, "a frame number");
            _ = Number(2, 16, "a frame's word number");
        }
    }

    /// <summary>Where the gloss lies in the line, without white space around it. It may be empty.</summary>
    public readonly Range Gloss()
    {
        ReadOnlySpan<byte> rest = _line[Position..];
        if (rest.IsEmpty || rest[0] != (byte)'|')
        {
            throw Unexpected(rest, "the | before the gloss");
        }

        Range trimmed = Ascii.Trim(rest[1..]);
        int start = Position + 1;
        return new Range(start + trimmed.Start.Value, start + trimmed.End.Value);
    }

    private int Number(int digits, int radix, string what)
    {
        ReadOnlySpan<byte> field = Field(what);
        if (field.Length != digits)
        {
            throw Unexpected(field, $"{what} of {digits} digits");
        }

        int value = 0;
        foreach (byte digit in field)
        {
            int d = Digit(digit);
            if (d >= radix)
            {
                throw Unexpected(field, $"{what} of {digits} digits");
            }

            value = (value * radix) + d;
        }

        return value;
    }

    private static int Digit(byte digit) => digit switch
    {
        >= (byte)'0' and <= (byte)'9' => digit - '0',
        >= (byte)'a' and <= (byte)'f' => digit - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => digit - 'A' + 10,
        _ => int.MaxValue,
    };

    private ReadOnlySpan<byte> Field(string what)
    {
        ReadOnlySpan<byte> rest = _line[Position..];
        int length = rest.IndexOf((byte)' ');
        if (length <= 0)
        {
            throw Unexpected(rest, what + " and a space");
        }

        Position += length + 1;
        return rest[..length];
    }

    private readonly FormatException Unexpected(ReadOnlySpan<byte> found, string expected)
    {
        string shown = found.IsEmpty ? "the end of the line" : $"\"{Encoding.UTF8.GetString(found[..Math.Min(found.Length, 24)])}\"";
        return new FormatException($"found {shown} before column {Position + 1}, expected {expected}");
    }
}
