using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace DimensionStore;

/// <summary>
/// Builds dimension files from WordNet 3.0's database files (<c>data.noun</c>, <c>data.verb</c>, <c>data.adj</c>, <c>data.adv</c>; wndb(5WN)).
/// Which lexicographer file goes to which dimension is in <c>data/wordnet-map.json</c>; nouns are layer 0, verbs 1, adjectives 2, adverbs 3.
/// A synset becomes an entry: its gloss is the content, its words are the keywords, with <c>_</c> and with spaces.
/// </summary>
public static class WordNetImporter
{
    /// <summary>Where Debian's <c>wordnet-base</c> puts the files.</summary>
    public const string DefaultDirectory = "/usr/share/wordnet";

    // More workers than this gain nothing: the disk and the largest dimension set the pace, and each worker holds a writer's buffers.
    private const int MaxWorkers = 4;

    /// <summary>Whether a directory holds the four files.</summary>
    public static bool IsInstalled(string directory = DefaultDirectory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        return MissingFiles(directory).Count == 0;
    }

    /// <summary>
    /// Imports the whole database. The source is read and checked to its end before anything is written; the files are then built under
    /// temporary names and get their own when all are whole and synced, one rename directly after the other. An import that fails or is cancelled
    /// leaves what was there. A process killed between two renames, or a rename that fails, leaves each file whole, the first ones new and the others as they were.
    /// </summary>
    /// <param name="sourceDirectory">Holds the four files.</param>
    /// <param name="directory">Gets the dimension files; made if it is not there.</param>
    /// <param name="overwrite">Replace existing files, except immutable ones, which stop the import before anything is written.</param>
    /// <param name="progress">Told now and then, at most five times a second, and at the end; from several threads, one at a time.</param>
    /// <param name="cancellationToken">Stops soon; no half file is left.</param>
    /// <exception cref="FileNotFoundException">Source files are missing; names all of them.</exception>
    /// <exception cref="InvalidEntryException">A source file is damaged; names file and line.</exception>
    /// <exception cref="ImmutableDimensionException">The file of D09 or D14, or another sealed one, is there already. Nothing was written.</exception>
    /// <exception cref="DimensionFileExistsException">Another file is there already and <paramref name="overwrite"/> is false. Nothing was written.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static WordNetImportResult Import(string sourceDirectory, string directory, bool overwrite = false, IProgress<WordNetImportProgress>? progress = null, CancellationToken cancellationToken = default) =>
        Import(sourceDirectory, directory, overwrite, progress, FileOperations.Default, cancellationToken);

    internal static WordNetImportResult Import(string sourceDirectory, string directory, bool overwrite, IProgress<WordNetImportProgress>? progress, FileOperations operations, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(sourceDirectory);
        ArgumentException.ThrowIfNullOrEmpty(directory);
        List<string> missing = MissingFiles(sourceDirectory);
        if (missing.Count > 0)
        {
            string names = string.Join(", ", missing);
            throw new FileNotFoundException(
                $"{sourceDirectory} lacks {names}. Debian's package wordnet-base puts WordNet's files into {DefaultDirectory}; name the directory that holds {string.Join(", ", WordNetDataFile.Names)}.",
                Path.Combine(sourceDirectory, missing[0]));
        }

        PathChecks.RefuseFileAsTarget(directory);
        WordNetMap map = WordNetMap.Default;
        RefuseExisting(directory, map, overwrite);
        WordNetDataFile[] sources = ReadSources(sourceDirectory, map, cancellationToken);
        List<Batch> batches = Group(sources, map);

        Directory.CreateDirectory(directory);
        int synsets = batches.Sum(static b => b.Synsets.Count);
        // Completing a file takes about as long as adding its entries.
        ProgressThrottle throttle = new(progress, 2.0 * synsets);
        DimensionFileWriter?[] writers = new DimensionFileWriter?[batches.Count];
        GeneratedFile[] files = new GeneratedFile[batches.Count];
        try
        {
            InParallel(batches.Count, i => files[i] = Prepare(batches[i], sources, directory, overwrite, operations, out writers[i], throttle, cancellationToken), cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            DimensionFileWriter.CommitAll(writers!);
        }
        finally
        {
            foreach (DimensionFileWriter? writer in writers)
            {
                writer?.Dispose();
            }
        }

        Array.Sort(files, static (a, b) => a.Id.CompareTo(b.Id));
        throttle.Complete("Done");
        return new WordNetImportResult(files, synsets, sources.Sum(static s => s.Synsets.Sum(static x => x.WordCount)));
    }

    private static List<string> MissingFiles(string directory) =>
        [.. WordNetDataFile.Names.Where(name => !File.Exists(Path.Combine(directory, name)))];

    private static void RefuseExisting(string directory, WordNetMap map, bool overwrite)
    {
        if (!Directory.Exists(directory))
        {
            return;
        }

        DimensionStoreException?[] reasons =
        [
            .. Enumerable.Range(0, WordNetMap.FileCount).Select(i => map[i].Dimension.Id).Distinct().Order()
                .Select(id => AtomicFile.ReasonToKeep(FileOperations.Default, Path.Combine(directory, id.FileName), id, overwrite)),
        ];

        // The immutable ones first: to advise overwriting would be to send the user from one refusal to the next.
        if ((reasons.FirstOrDefault(static r => r is ImmutableDimensionException) ?? reasons.FirstOrDefault(static r => r is not null)) is Exception reason)
        {
            throw reason;
        }
    }

    private static WordNetDataFile[] ReadSources(string sourceDirectory, WordNetMap map, CancellationToken cancellationToken)
    {
        WordNetDataFile[] sources = new WordNetDataFile[WordNetDataFile.Names.Length];
        InParallel(
            sources.Length,
            i => sources[i] = WordNetDataFile.Read(Path.Combine(sourceDirectory, WordNetDataFile.Names[i]), i, map, cancellationToken),
            cancellationToken);

        // A file cut at the end of a line has no bad line, but other synsets still point to what it has lost.
        foreach (WordNetDataFile source in sources)
        {
            for (int i = 0; i < sources.Length; i++)
            {
                if (source.FarthestTargets[i] >= sources[i].Length)
                {
                    throw new InvalidEntryException(
                        $"the file ends at byte {sources[i].Length}, but {source.Path} points to a synset at {source.FarthestTargets[i]}; it is truncated, or the two are of different versions.",
                        sources[i].Path);
                }
            }
        }

        return sources;
    }

    /// <summary>The synsets of each dimension, the largest first, so that the last worker does not end alone with a long one.</summary>
    private static List<Batch> Group(WordNetDataFile[] sources, WordNetMap map)
    {
        Dictionary<DimensionId, Batch> batches = [];
        for (int source = 0; source < sources.Length; source++)
        {
            foreach (WordNetSynset synset in sources[source].Synsets)
            {
                WordNetDimension dimension = map[synset.LexicographerFile].Dimension;
                if (!batches.TryGetValue(dimension.Id, out Batch? batch))
                {
                    batches.Add(dimension.Id, batch = new Batch(dimension, []));
                }

                batch.Synsets.Add((source, synset));
            }
        }

        return [.. batches.Values.OrderByDescending(static b => b.Synsets.Count)];
    }

    private static GeneratedFile Prepare(Batch batch, WordNetDataFile[] sources, string directory, bool overwrite, FileOperations operations, out DimensionFileWriter writer, ProgressThrottle progress, CancellationToken cancellationToken)
    {
        const int ReportInterval = 512;
        WordNetDimension dimension = batch.Dimension;
        string activity = $"Building {dimension.Id} {dimension.Name}";
        string path = Path.Combine(directory, dimension.Id.FileName);
        DimensionWriterOptions options = new()
        {
            Id = dimension.Id,
            Name = dimension.Name,
            Overwrite = overwrite,
            MaxTotalBytes = DimensionLayout.Default.MaxBytesOf(dimension.Id),
            Layers = Enumerable.Range(0, dimension.Frequencies.Count).ToDictionary(static l => l, l => new LayerSettings { Frequency = dimension.Frequencies[l] }),
        };
        writer = new DimensionFileWriter(path, options, operations);
        ArrayBufferWriter<byte> keywords = new();
        for (int i = 0; i < batch.Synsets.Count; i++)
        {
            if (i % ReportInterval == ReportInterval - 1)
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress.Add(ReportInterval, activity);
            }

            (int source, WordNetSynset synset) = batch.Synsets[i];
            keywords.ResetWrittenCount();
            sources[source].AddKeywords(synset, keywords);
            writer.AddEntryUtf8(source, keywords.WrittenSpan, sources[source].Gloss(synset));
        }

        DimensionDescriptor descriptor = writer.Prepare(cancellationToken);
        progress.Add(batch.Synsets.Count + (batch.Synsets.Count % ReportInterval), activity);
        return new GeneratedFile(dimension.Id, dimension.Name, path, descriptor.TotalSize, batch.Synsets.Count, WasKept: false);
    }

    /// <summary>Runs numbered jobs on a few threads. The first error stops the others and is thrown as it is, not wrapped.</summary>
    private static void InParallel(int jobs, Action<int> job, CancellationToken cancellationToken)
    {
        try
        {
            ParallelOptions options = new() { MaxDegreeOfParallelism = Math.Clamp(Environment.ProcessorCount, 1, MaxWorkers), CancellationToken = cancellationToken };
            Parallel.ForEach(
                Partitioner.Create(Enumerable.Range(0, jobs), EnumerablePartitionerOptions.NoBuffering),
                options,
                (i, state) =>
                {
                    if (!state.ShouldExitCurrentIteration)
                    {
                        job(i);
                    }
                });
        }
        catch (AggregateException exception)
        {
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }
    }

    private sealed record Batch(WordNetDimension Dimension, List<(int Source, WordNetSynset Synset)> Synsets);
}
