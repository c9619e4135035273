using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using CommunityToolkit.HighPerformance.Buffers;

namespace DimensionStore;

/// <summary>Turns one JSON line after the other into entries. The content's memory is one buffer that the next line reuses.</summary>
internal sealed class JsonLineParser(string sourceName) : IDisposable
{
    private const string Shape = """{"layer":0,"keywords":["…"],"content":"…"}""";

    private static readonly JsonReaderOptions Options = new() { MaxDepth = 8 };

    private readonly List<string> _keywords = [];
    private byte[] _content = [];
    private long _line;

    /// <summary>Parses the next line; false when it is empty.</summary>
    /// <exception cref="InvalidEntryException">The line is not an entry.</exception>
    public bool TryParse(ReadOnlySequence<byte> line, out DimensionEntry entry)
    {
        entry = default;
        _line++;
        if (_line == 1)
        {
            line = WithoutByteOrderMark(line);
        }

        if (IsBlank(line))
        {
            return false;
        }

        Utf8JsonReader reader = new(line, Options);
        try
        {
            entry = Parse(ref reader);
            return true;
        }
        catch (JsonException e)
        {
            throw Error($"this is not JSON: {Reason(e)} Expected one object a line, such as {Shape}.", e);
        }
        catch (InvalidOperationException e)
        {
            // What the reader throws for a text whose bytes are no UTF-8, or that has half a surrogate pair escaped.
            throw Error("a text is not valid Unicode; write the file as UTF-8.", e);
        }
    }

    /// <summary>The error for a line without an end.</summary>
    public InvalidEntryException TooLong(int limit)
    {
        _line++;
        return Error($"the line is longer than {limit:N0} bytes; write one entry a line.");
    }

    /// <summary>Gives the buffer back.</summary>
    public void Dispose()
    {
        if (_content.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_content);
            _content = [];
        }
    }

    private DimensionEntry Parse(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Error($"this is {Name(reader.TokenType)}; expected an object such as {Shape}.");
        }

        int layer = -1;
        bool hasKeywords = false;
        int contentLength = -1;
        _keywords.Clear();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("layer"u8))
            {
                ThrowIfRepeated("layer", layer >= 0);
                reader.Read();
                layer = ReadLayer(ref reader);
            }
            else if (reader.ValueTextEquals("keywords"u8))
            {
                ThrowIfRepeated("keywords", hasKeywords);
                hasKeywords = true;
                reader.Read();
                ReadKeywords(ref reader);
            }
            else if (reader.ValueTextEquals("content"u8))
            {
                ThrowIfRepeated("content", contentLength >= 0);
                reader.Read();
                contentLength = ReadContent(ref reader);
            }
            else if (reader.ValueTextEquals("contentBase64"u8))
            {
                ThrowIfRepeated("content", contentLength >= 0);
                reader.Read();
                contentLength = ReadBase64(ref reader);
            }
            else
            {
                throw Error($"there is no property \"{reader.GetString()}\"; an entry has \"layer\", \"keywords\" and \"content\" or \"contentBase64\".");
            }
        }

        // Reading to the end finds what stands behind the object.
        while (reader.Read())
        {
        }

        if (layer < 0)
        {
            throw Error("\"layer\" is missing; give the layer's number, 0 to 3.");
        }

        return contentLength < 0
            ? throw Error("\"content\" is missing; give the entry's text, or its bytes as \"contentBase64\".")
            : new DimensionEntry(layer, _keywords.Count == 0 ? [] : _keywords.ToArray(), _content.AsMemory(0, contentLength)) { Line = _line };
    }

    private int ReadLayer(ref Utf8JsonReader reader)
        => reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int layer) && layer is >= 0 and < DimensionFormat.MaxLayers
            ? layer
            : throw Error($"\"layer\" is {Shown(ref reader)}; expected a whole number from 0 to {DimensionFormat.MaxLayers - 1}.");

    private void ReadKeywords(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw Error($"\"keywords\" is {Shown(ref reader)}; expected an array of texts.");
        }

        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            _keywords.Add(reader.TokenType == JsonTokenType.String
                ? PooledString(ref reader)
                : throw Error($"keyword {_keywords.Count + 1} is {Shown(ref reader)}; expected a text."));
        }
    }

    /// <summary>Keywords recur from line to line; a pool makes one string of them all. A text too long to be a keyword is made as it is, for the error to show.</summary>
    [SkipLocalsInit]
    private static string PooledString(ref Utf8JsonReader reader)
    {
        const int MostCharacters = KeywordIndexFormat.MaxDisplayBytes;
        if (reader.HasValueSequence || reader.ValueSpan.Length > MostCharacters)
        {
            return reader.GetString()!;
        }

        Span<char> characters = stackalloc char[MostCharacters];
        return StringPool.Shared.GetOrAdd(characters[..reader.CopyString(characters)]);
    }

    private int ReadContent(ref Utf8JsonReader reader)
    {
        int length = ReserveFor(ref reader, "content");
        Grow(length);
        return reader.CopyString(_content);
    }

    private int ReadBase64(ref Utf8JsonReader reader)
    {
        ReserveFor(ref reader, "contentBase64");
        if (!reader.TryGetBytesFromBase64(out byte[]? bytes))
        {
            throw Error("\"contentBase64\" is not base64 (RFC 4648, with padding).");
        }

        Grow(bytes.Length);
        bytes.CopyTo(_content, 0);
        return bytes.Length;
    }

    /// <summary>How many bytes a text has at most, escapes included: unescaping only shortens.</summary>
    private int ReserveFor(ref Utf8JsonReader reader, string property)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            throw Error($"\"{property}\" is {Shown(ref reader)}; expected a text.");
        }

        return checked((int)(reader.HasValueSequence ? reader.ValueSequence.Length : reader.ValueSpan.Length));
    }

    private void Grow(int length)
    {
        if (length > _content.Length)
        {
            Dispose();
            _content = ArrayPool<byte>.Shared.Rent(length);
        }
    }

    private void ThrowIfRepeated(string property, bool seen)
    {
        if (seen)
        {
            throw Error($"\"{property}\" is given twice; give it once.");
        }
    }

    private InvalidEntryException Error(string message, Exception? cause = null) => new(message, sourceName, _line, cause);

    private static string Shown(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.Number)
        {
            return Name(reader.TokenType);
        }

        ReadOnlySequence<byte> digits = reader.HasValueSequence ? reader.ValueSequence : new ReadOnlySequence<byte>(reader.ValueSpan.ToArray());
        return Encoding.ASCII.GetString(digits.Slice(0, Math.Min(digits.Length, 40)));
    }

    private static string Name(JsonTokenType token) => token switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => "a text",
        JsonTokenType.Number => "a number",
        JsonTokenType.True or JsonTokenType.False => "true or false",
        JsonTokenType.Null => "null",
        _ => "nothing",
    };

    /// <summary>The reader's own message without its line number, which counts within our line.</summary>
    private static string Reason(JsonException e)
    {
        int end = e.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        return $"{(end < 0 ? e.Message : e.Message[..end])} (at byte {e.BytePositionInLine ?? 0:N0} of the line).";
    }

    private static ReadOnlySequence<byte> WithoutByteOrderMark(ReadOnlySequence<byte> line)
    {
        Span<byte> first = stackalloc byte[3];
        first = first[..(int)Math.Min(3, line.Length)];
        line.Slice(0, first.Length).CopyTo(first);
        return first.SequenceEqual(Encoding.UTF8.Preamble) ? line.Slice(3) : line;
    }

    private static bool IsBlank(ReadOnlySequence<byte> line)
    {
        foreach (ReadOnlyMemory<byte> piece in line)
        {
            if (piece.Span.ContainsAnyExcept(" \t\r"u8))
            {
                return false;
            }
        }

        return true;
    }
}
