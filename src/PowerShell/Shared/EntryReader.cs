using System.Buffers;
using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Text;

namespace DimensionStore.PowerShell;

/// <summary>
/// Makes entries of what comes down a pipeline: objects and tables with Layer, Keywords and Content, rows of Import-Csv, files, texts, byte arrays, single bytes.
/// The properties are read here rather than bound by PowerShell, so that one parameter takes all of these and every refusal names the object.
/// </summary>
internal sealed class EntryReader(int defaultLayer, IReadOnlyList<string>? defaultKeywords, Func<string, string> resolvePath)
{
    private static readonly string[] LayerNames = ["Layer"];
    private static readonly string[] KeywordListNames = ["Keywords"];
    private static readonly string[] SingleKeywordNames = ["Keyword"];
    private static readonly string[] ContentNames = ["Content", "Text", "Value"];
    private static readonly string[] FileNames = ["PSPath", "FilePath", "FullName", "Path"];
    private readonly ArrayBufferWriter<byte> _looseBytes = new();
    private long _objects;

    /// <summary>Gives the entries that an object completes: none for a single byte, two for an object behind single bytes, else one.</summary>
    /// <exception cref="InvalidEntryException">The object is no entry.</exception>
    public IEnumerable<EntryInput> Read(object? input)
    {
        object? value = input is PSObject wrapped ? wrapped.BaseObject : input;
        if (value is byte single)
        {
            if (_looseBytes.WrittenCount == 0)
            {
                _objects++;
            }

            _looseBytes.GetSpan(1)[0] = single;
            _looseBytes.Advance(1);
            yield break;
        }

        if (TakeLooseBytes() is EntryInput loose)
        {
            yield return loose;
        }

        _objects++;
        yield return ReadOne(value, input);
    }

    /// <summary>What the writer refused in an entry, with the object it was made of, which the writer cannot know.</summary>
    public InvalidEntryException Place(InvalidEntryException refusal) => new(string.Create(CultureInfo.InvariantCulture, $"Input object {_objects}: {refusal.Message}"), null, null, refusal);

    /// <summary>The entry that single bytes at the end of the pipeline make, or null.</summary>
    public EntryInput? TakeLooseBytes()
    {
        if (_looseBytes.WrittenCount == 0)
        {
            return null;
        }

        byte[] content = _looseBytes.WrittenSpan.ToArray();
        _looseBytes.ResetWrittenCount();
        return new EntryInput(defaultLayer, defaultKeywords ?? [], content, null);
    }

    /// <summary>Keywords from a list, or from one text that separates them by semicolons, as a CSV cell does.</summary>
    public static IReadOnlyList<string> ReadKeywords(object? value)
    {
        switch (value is PSObject wrapped ? wrapped.BaseObject : value)
        {
            case null:
                return [];
            case string text:
                return text.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            case IEnumerable list:
                List<string> keywords = [];
                foreach (object? item in list)
                {
                    keywords.Add(AsText(item));
                }

                return keywords;
            case object other:
                return [AsText(other)];
        }
    }

    private EntryInput ReadOne(object? value, object? input)
    {
        switch (value)
        {
            case null:
                throw Refuse("is null; an entry needs content");
            case string text:
                return new EntryInput(defaultLayer, defaultKeywords ?? [], Encoding.UTF8.GetBytes(text), null);
            case byte[] bytes:
                return new EntryInput(defaultLayer, defaultKeywords ?? [], bytes, null);
            case FileInfo file:
                return FromFile(file.FullName, defaultLayer, defaultKeywords);
            case DirectoryInfo directory:
                throw Refuse($"is the directory {directory.FullName}; files are expected (Get-ChildItem -File)");
        }

        object? layerValue = Property(value, input, LayerNames);
        int layer = defaultLayer;
        if (layerValue is not null and not "" && (!LanguagePrimitives.TryConvertTo(layerValue, CultureInfo.InvariantCulture, out layer) || layer is < 0 or > 3))
        {
            throw Refuse($"has the Layer '{layerValue}'; 0, 1, 2 or 3 is expected");
        }

        IReadOnlyList<string>? keywords = Property(value, input, KeywordListNames) is object list ? ReadKeywords(list)
            : Property(value, input, SingleKeywordNames) is object keyword ? [AsText(keyword)]
            : defaultKeywords;

        object? content = Property(value, input, ContentNames);
        if (content is not null)
        {
            return content is FileInfo file
                ? FromFile(file.FullName, layer, keywords)
                : new EntryInput(layer, keywords ?? [], AsBytes(content), null);
        }

        object? path = Property(value, input, FileNames);
        return path is not null ? FromFile(resolvePath(AsText(path)), layer, keywords) : throw Refuse($"({value.GetType().Name}) has no Content, and no file to take it from");
    }

    private static EntryInput FromFile(string path, int layer, IReadOnlyList<string>? keywords) =>
        new(layer, keywords ?? [Path.GetFileNameWithoutExtension(path)], default, path);

    private static object? Property(object value, object? input, string[] names)
    {
        foreach (string name in names)
        {
            object? found = value is IDictionary table ? FromTable(table, name) : PSObject.AsPSObject(input ?? value).Properties[name]?.Value;
            if (found is not null)
            {
                return found is PSObject wrapped ? wrapped.BaseObject : found;
            }
        }

        return null;
    }

    private static object? FromTable(IDictionary table, string name)
    {
        // Hashtable literals compare without case, dictionaries made otherwise may not: both shall serve.
        foreach (DictionaryEntry pair in table)
        {
            if (string.Equals(pair.Key?.ToString(), name, StringComparison.OrdinalIgnoreCase))
            {
                return pair.Value;
            }
        }

        return null;
    }

    private ReadOnlyMemory<byte> AsBytes(object content)
    {
        switch (content)
        {
            case string text:
                return Encoding.UTF8.GetBytes(text);
            case byte[] bytes:
                return bytes;
            case ReadOnlyMemory<byte> memory:
                return memory;
            case IEnumerable list when LanguagePrimitives.TryConvertTo(list, CultureInfo.InvariantCulture, out byte[] converted):
                return converted;
            case IEnumerable:
                throw Refuse("has a list as Content; a text or bytes are expected (join lines with -join)");
            default:
                return Encoding.UTF8.GetBytes(AsText(content));
        }
    }

    private static string AsText(object? value) => LanguagePrimitives.ConvertTo<string>(value);

    private InvalidEntryException Refuse(string problem) => new(string.Create(CultureInfo.InvariantCulture, $"Input object {_objects} {problem}."));
}
