using System.Buffers;
using System.Text.Unicode;
using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>
/// One of WordNet's data files in memory, every line checked against wndb(5WN). Holding the file and offsets into it, rather than
/// strings, keeps an import at the size of its input.
/// </summary>
internal sealed class WordNetDataFile
{
    /// <summary>The data files; the index is the layer their synsets go to.</summary>
    public static readonly string[] Names = ["data.noun", "data.verb", "data.adj", "data.adv"];

    // WordNet 3.0's largest has 15 MB. Offsets in the files have eight digits, which bounds every file of the format.
    private const long MaxFileBytes = 100_000_000;
    private const int CancellationInterval = 1024;

    private readonly byte[] _bytes;
    private readonly List<WordNetSynset> _synsets;

    private WordNetDataFile(string path, byte[] bytes, List<WordNetSynset> synsets, int[] farthestTargets)
    {
        Path = path;
        _bytes = bytes;
        _synsets = synsets;
        FarthestTargets = farthestTargets;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its length.</summary>
    public int Length => _bytes.Length;

    /// <summary>Its synsets, in the file's order.</summary>
    public IReadOnlyList<WordNetSynset> Synsets => _synsets;

    /// <summary>The highest offset that its pointers refer to, by part of speech; -1 for none.</summary>
    public IReadOnlyList<int> FarthestTargets { get; }

    /// <summary>A synset's gloss.</summary>
    public ReadOnlySpan<byte> Gloss(WordNetSynset synset) => _bytes.AsSpan(synset.GlossStart, synset.GlossLength);

    /// <summary>
    /// Appends a synset's words, separated by zero bytes: each as the file has it, and, where it joins words by <c>_</c>, with spaces
    /// as well. Both are wanted, since WordNet's own tools print the one and people type the other.
    /// </summary>
    public void AddKeywords(WordNetSynset synset, ArrayBufferWriter<byte> keywords)
    {
        WordNetLine line = new(_bytes.AsSpan(synset.WordsStart, synset.GlossStart - synset.WordsStart));
        for (int i = 0; i < synset.WordCount; i++)
        {
            ReadOnlySpan<byte> word = line.Word();
            line.LexicalId();
            AddKeyword(word, keywords);
            if (word.Contains((byte)'_'))
            {
                AddKeyword(word, keywords).Replace((byte)'_', (byte)' ');
            }
        }
    }

    /// <summary>Reads and checks a data file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="layer">Which of <see cref="Names"/> it is.</param>
    /// <param name="map">Says which lexicographer files belong to that part of speech.</param>
    /// <param name="cancellationToken">Stops between lines.</param>
    /// <exception cref="InvalidEntryException">A line breaks the format; names file and line.</exception>
    public static WordNetDataFile Read(string path, int layer, WordNetMap map, CancellationToken cancellationToken) =>
        Parse(path, ReadAll(path), layer, map, cancellationToken);

    /// <summary>Checks the bytes of a data file and keeps them.</summary>
    public static WordNetDataFile Parse(string path, byte[] bytes, int layer, WordNetMap map, CancellationToken cancellationToken)
    {
        List<WordNetSynset> synsets = new(bytes.Length / 180);
        int[] farthest = [-1, -1, -1, -1];
        long lineNumber = 0;
        try
        {
            for (int start = 0; start < bytes.Length;)
            {
                lineNumber++;
                ReadOnlySpan<byte> rest = bytes.AsSpan(start);
                int length = rest.IndexOf((byte)'\n');
                if (length < 0)
                {
                    throw new FormatException("the last line has no end; the file is truncated. Fetch it again");
                }

                // The licence at the top: lines that begin with two spaces, which no synset does.
                if (synsets.Count > 0 || !rest.StartsWith("  "u8))
                {
                    synsets.Add(ReadSynset(rest[..length], start, layer, map, farthest));
                    if (synsets.Count % CancellationInterval == 0)
                    {
                        cancellationToken.ThrowIfCancellationRequested();
                    }
                }

                start += length + 1;
            }

            return synsets.Count > 0
                ? new WordNetDataFile(path, bytes, synsets, farthest)
                : throw new FormatException("there is no synset in the file; it is truncated or not one of WordNet's data files");
        }
        catch (FormatException exception)
        {
            throw new InvalidEntryException(exception.Message + ".", path, lineNumber, exception);
        }
    }

    private static WordNetSynset ReadSynset(ReadOnlySpan<byte> bytes, int start, int layer, WordNetMap map, int[] farthest)
    {
        if (!Utf8.IsValid(bytes))
        {
            throw new FormatException("the line is not valid UTF-8 (WordNet's files are ASCII)");
        }

        WordNetLine line = new(bytes);
        int offset = line.SynsetOffset();
        if (offset != start)
        {
            throw new FormatException($"the line says it begins at byte {offset:00000000}, but it begins at {start:00000000}; something before it was added or lost");
        }

        int lexicographerFile = line.LexicographerFile();
        if (lexicographerFile >= WordNetMap.FileCount || map[lexicographerFile].Layer != layer)
        {
            throw new FormatException($"lexicographer file {lexicographerFile:00} does not belong to {Names[layer]}");
        }

        line.SynsetType(layer);
        int words = line.WordCount();
        int wordsStart = start + line.Position;
        for (int i = 0; i < words; i++)
        {
            ReadOnlySpan<byte> word = line.Word();
            if (word.IsEmpty || word.Length > KeywordFolding.MaxFoldedBytes || word.Contains((byte)0))
            {
                throw new FormatException($"word {i + 1} has {word.Length} bytes or holds a NUL; expected 1 to {KeywordFolding.MaxFoldedBytes} bytes of text");
            }

            line.LexicalId();
        }

        for (int pointers = line.PointerCount(); pointers > 0; pointers--)
        {
            (int partOfSpeech, int target) = line.Pointer();
            farthest[partOfSpeech] = Math.Max(farthest[partOfSpeech], target);
        }

        line.Frames(layer == 1);
        Range gloss = line.Gloss();
        (int glossStart, int glossLength) = gloss.GetOffsetAndLength(bytes.Length);
        return new WordNetSynset(wordsStart, start + glossStart, glossLength, (byte)words, (byte)lexicographerFile);
    }

    private static Span<byte> AddKeyword(ReadOnlySpan<byte> word, ArrayBufferWriter<byte> keywords)
    {
        if (keywords.WrittenCount > 0)
        {
            keywords.Write("\0"u8);
        }

        Span<byte> added = keywords.GetSpan(word.Length)[..word.Length];
        word.CopyTo(added);
        keywords.Advance(word.Length);
        return added;
    }

    private static byte[] ReadAll(string path)
    {
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.SequentialScan);
        long length = RandomAccess.GetLength(file);
        if (length > MaxFileBytes)
        {
            throw new InvalidEntryException($"the file has {length} bytes; the eight digits of an offset allow at most {MaxFileBytes}.", path);
        }

        byte[] bytes = GC.AllocateUninitializedArray<byte>((int)length);
        for (int read = 0; read < bytes.Length;)
        {
            int n = RandomAccess.Read(file, bytes.AsSpan(read), read);
            if (n == 0)
            {
                throw new InvalidEntryException($"the file ended after {read} of {length} bytes while it was read; something shortened it.", path);
            }

            read += n;
        }

        return bytes;
    }
}
