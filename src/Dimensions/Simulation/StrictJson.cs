using System.Globalization;
using System.Text;
using System.Text.Json;

namespace DimensionStore;

/// <summary>
/// Reads the data files of this library token by token and knows at each the JSON path and the line, so that an error can name both.
/// A serializer was rejected: it costs start-up time for the one file that simulation reads, and is lenient by default.
/// </summary>
internal ref struct StrictJson
{
    // The deepest data file nests nine tokens; more is refused by the reader itself.
    private const int MaxDepth = 16;

    private readonly string _source;
    private readonly ReadOnlySpan<byte> _json;
    private readonly (string? Name, int Index)[] _path = new (string?, int)[MaxDepth];
    private Utf8JsonReader _reader;
    private int _depth;

    public StrictJson(string source, ReadOnlySpan<byte> json)
    {
        _source = source;
        _json = json.StartsWith("\uFEFF"u8) ? json[3..] : json;
        _reader = new Utf8JsonReader(_json, new JsonReaderOptions { MaxDepth = MaxDepth });
        Advance("a JSON object");
    }

    /// <summary>The error for the value at the current place.</summary>
    public readonly InvalidCatalogException Error(string problem)
    {
        StringBuilder path = new("$");
        for (int i = 0; i < _depth; i++)
        {
            if (_path[i].Name is string name)
            {
                path.Append('.').Append(name);
            }
            else if (_path[i].Index >= 0)
            {
                path.Append(CultureInfo.InvariantCulture, $"[{_path[i].Index}]");
            }
        }

        int line = 1 + _json[..(int)_reader.TokenStartIndex].Count((byte)'\n');
        return new InvalidCatalogException(_source, string.Create(CultureInfo.InvariantCulture, $"{path} (line {line}): {problem}"));
    }

    /// <summary>Enters the object at the current place.</summary>
    public void StartObject() => Enter(JsonTokenType.StartObject, "an object");

    /// <summary>Enters the array at the current place.</summary>
    public void StartArray() => Enter(JsonTokenType.StartArray, "an array");

    /// <summary>Steps to the next property's value.</summary>
    /// <param name="names">Every property the object has; all but the last <paramref name="optional"/> must be there.</param>
    /// <param name="seen">One bit for each; the caller starts with 0.</param>
    /// <param name="optional">How many at the end of <paramref name="names"/> may be absent.</param>
    /// <returns>Which of the names it is, or -1 at the end of the object.</returns>
    public int NextProperty(ReadOnlySpan<string> names, scoped ref uint seen, int optional = 0)
    {
        _path[_depth - 1] = (null, -1);
        Advance("a property or the end of the object");
        if (_reader.TokenType == JsonTokenType.EndObject)
        {
            _depth--;
            for (int i = 0; i < names.Length - optional; i++)
            {
                if ((seen & (1u << i)) == 0)
                {
                    throw Error($"property \"{names[i]}\" is missing; the object has {Listed(names)}.");
                }
            }

            return -1;
        }

        string found = Text();
        int index = names.IndexOf(found);
        _path[_depth - 1] = (found, 0);
        if (index < 0)
        {
            throw Error($"unknown property; the object has {Listed(names)}.");
        }

        if ((seen & (1u << index)) != 0)
        {
            throw Error("the property is there twice; give it once.");
        }

        seen |= 1u << index;
        Advance("a value");
        return index;
    }

    /// <summary>Steps to the next element; false at the end of the array.</summary>
    public bool NextElement()
    {
        int index = _path[_depth - 1].Index + 1;
        Advance("a value or the end of the array");
        if (_reader.TokenType == JsonTokenType.EndArray)
        {
            _depth--;
            return false;
        }

        _path[_depth - 1] = (null, index);
        return true;
    }

    /// <summary>The integer at the current place.</summary>
    public readonly int Integer(int least, int most) =>
        _reader.TokenType == JsonTokenType.Number && _reader.TryGetInt32(out int value) && value >= least && value <= most
            ? value
            : throw Error(string.Create(CultureInfo.InvariantCulture, $"found {Found()}, expected a whole number from {least} to {most}."));

    /// <summary>The frequency at the current place.</summary>
    public readonly float Frequency() =>
        _reader.TokenType == JsonTokenType.Number && _reader.TryGetSingle(out float value) && float.IsFinite(value) && value >= 0
            ? value
            : throw Error($"found {Found()}, expected a frequency in hertz: a finite number, zero or more.");

    /// <summary>The string at the current place, of 1 to <paramref name="maxBytes"/> bytes of UTF-8 without control characters.</summary>
    public readonly string String(int maxBytes, string what)
    {
        if (_reader.TokenType != JsonTokenType.String)
        {
            throw Error($"found {Found()}, expected {what}: a string.");
        }

        string text = Text();
        if (string.IsNullOrWhiteSpace(text))
        {
            throw Error($"{what} is empty.");
        }

        int bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes > maxBytes)
        {
            throw Error(string.Create(CultureInfo.InvariantCulture, $"{what} has {bytes} bytes of UTF-8, at most {maxBytes} are allowed."));
        }

        foreach (char c in text)
        {
            if (char.IsControl(c) && c is not '\n')
            {
                throw Error(string.Create(CultureInfo.InvariantCulture, $"{what} holds the control character U+{(int)c:X4}; take it out."));
            }
        }

        return text;
    }

    /// <summary>Checks that nothing follows the top-level value.</summary>
    public void End()
    {
        try
        {
            if (_reader.Read())
            {
                throw Error("something follows the end of the data; expected nothing.");
            }
        }
        catch (JsonException exception)
        {
            throw NotJson(exception, "the end of the file");
        }
    }

    private static string Listed(ReadOnlySpan<string> names) => string.Join(", ", names.ToArray().Select(static n => $"\"{n}\""));

    private void Enter(JsonTokenType token, string what)
    {
        if (_reader.TokenType != token)
        {
            throw Error($"found {Found()}, expected {what}.");
        }

        _path[_depth++] = (null, -1);
    }

    private void Advance(string expected)
    {
        try
        {
            if (!_reader.Read())
            {
                throw Error($"the data ends here, expected {expected}.");
            }
        }
        catch (JsonException exception)
        {
            throw NotJson(exception, expected);
        }
    }

    private readonly InvalidCatalogException NotJson(JsonException exception, string expected) =>
        new(_source, string.Create(CultureInfo.InvariantCulture, $"line {(exception.LineNumber ?? 0) + 1}: not JSON, expected {expected}: {exception.Message}"), exception);

    private readonly string Text()
    {
        try
        {
            return _reader.GetString()!;
        }
        catch (InvalidOperationException exception)
        {
            // The reader checks escapes and UTF-8 only when the text is asked for.
            throw new InvalidCatalogException(_source, Error("the string is not valid Unicode.").Message, exception);
        }
    }

    private readonly string Found() => _reader.TokenType switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.Null => "null",
        _ when _reader.ValueSpan.Length > 40 => "a longer " + (_reader.TokenType == JsonTokenType.String ? "string" : "number"),
        JsonTokenType.String => $"\"{Encoding.UTF8.GetString(_reader.ValueSpan)}\"",
        _ => Encoding.UTF8.GetString(_reader.ValueSpan),
    };
}
