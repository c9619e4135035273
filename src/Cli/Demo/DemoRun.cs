using System.Diagnostics;
using DimensionStore.Cli.Commands;
using DimensionStore.Cli.Output;

namespace DimensionStore.Cli.Demo;

/// <summary>The demo's steps. What is printed of them is the command's concern.</summary>
internal static class DemoRun
{
    private const int ShownEntries = 3;
    private const int BatchSize = 2_000;
    private static readonly TimeSpan Settled = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MostMeasuring = TimeSpan.FromSeconds(1);

    public static DemoResult Run(CliContext context, string directory)
    {
        string wordNetDirectory = Path.Combine(directory, "wordnet");
        (IReadOnlyList<GeneratedFile> files, TimeSpan built) = Timed(() => BuildCatalog(context, directory));
        (IReadOnlyList<GeneratedFile>? wordNetFiles, TimeSpan imported) = Timed(() => BuildWordNet(context, wordNetDirectory));

        (MmapManager store, DemoTime opened) = Open(new MemoryConfig { BasePath = directory });
        using MmapManager first = store;
        var searches = new List<DemoSearch>
        {
            Search(first, directory, "joy", KeywordMatch.Exact),
            Search(first, directory, "mem", KeywordMatch.Prefix),
            Search(first, directory, "*logy", KeywordMatch.Wildcard),
        };
        DemoSet? wordNet = null;
        long synsets = 0;
        if (wordNetFiles is not null)
        {
            (MmapManager second, DemoTime openedSecond) = Open(new MemoryConfig { BasePath = wordNetDirectory, Simulate = false });
            using MmapManager large = second;
            searches.Add(Search(large, wordNetDirectory, "serendipity", KeywordMatch.Exact));
            searches.Add(Search(large, wordNetDirectory, "memor", KeywordMatch.Prefix));
            searches.Add(Search(large, wordNetDirectory, "*graph?", KeywordMatch.Wildcard));
            wordNet = new DemoSet(wordNetDirectory, wordNetFiles, imported, openedSecond, large.GetStats());
            synsets = wordNetFiles.Sum(file => file.EntryCount);
        }

        return new DemoResult(new DemoSet(directory, files, built, opened, first.GetStats()), wordNet, synsets, searches);
    }

    private static IReadOnlyList<GeneratedFile> BuildCatalog(CliContext context, string directory)
        => ProgressDisplay.Run(context, "Building dimensions", report =>
        {
            DimensionCatalog catalog = DimensionCatalog.Default;
            int done = 0;
            var progress = new InlineProgress<GeneratedFile>(file => report($"{file.Id} {file.Name}", ++done / (double)catalog.Dimensions.Count));
            return catalog.GenerateMissing(directory, progress, context.Cancellation);
        });

    private static IReadOnlyList<GeneratedFile>? BuildWordNet(CliContext context, string directory)
    {
        if (KeepWordNet(context, directory) is { Count: > 0 } kept)
        {
            return kept;
        }

        if (!WordNetImporter.IsInstalled())
        {
            return null;
        }

        return ImportCommand.Import(context, WordNetImporter.DefaultDirectory, directory, overwrite: false).Files;
    }

    private static List<GeneratedFile> KeepWordNet(CliContext context, string directory)
    {
        List<GeneratedFile> files = [];
        if (!Directory.Exists(directory))
        {
            return files;
        }

        string[] paths = Directory.GetFiles(directory, "D*.mmap");
        Array.Sort(paths, StringComparer.Ordinal);
        return ProgressDisplay.Run(context, "Verifying WordNet", report =>
        {
            foreach (string path in paths)
            {
                report($"Verifying {Path.GetFileName(path)}", files.Count / (double)paths.Length);
                VerificationResult result = DimensionFile.Verify(path, context.Cancellation);
                if (result.Error is { } error)
                {
                    throw error;
                }

                if (result.Descriptor is { } descriptor)
                {
                    files.Add(new GeneratedFile(descriptor.Id, descriptor.Name, path, result.BytesRead, 0, WasKept: true));
                }
            }

            return files;
        });
    }

    private static (MmapManager Store, DemoTime Time) Open(MemoryConfig config)
    {
        (MmapManager store, TimeSpan firstTime) = Timed(() => new MmapManager(config));
        store.Dispose();
        (store, TimeSpan again) = Timed(() => new MmapManager(config));
        return (store, new DemoTime(firstTime, again));
    }

    private static DemoSearch Search(MmapManager store, string directory, string keyword, KeywordMatch match)
    {
        (List<FoundEntry> found, TimeSpan firstTime) = Timed(() => store.FindEntries(keyword, match).ToList());
        (_, TimeSpan again) = Timed(() => store.FindEntries(keyword, match).ToList());
        var time = new DemoTime(firstTime, again);
        double? lookup = match == KeywordMatch.Exact && found.Count > 0 ? MeasureLookup(store, found[0].Dimension, keyword) : null;
        return new DemoSearch(directory, keyword, match, found.Count, [.. found.Take(ShownEntries)], time, lookup);
    }

    /// <summary>
    /// Time of a lookup: the best of many batches. Code is slow until the runtime has compiled it for good, in the background and as late as the
    /// machine is busy, so batches are run until they stop getting better.
    /// </summary>
    private static double MeasureLookup(MmapManager store, DimensionId dimension, string keyword)
    {
        long start = Stopwatch.GetTimestamp();
        long improved = start;
        TimeSpan best = TimeSpan.MaxValue;
        while (Stopwatch.GetElapsedTime(improved) < Settled && Stopwatch.GetElapsedTime(start) < MostMeasuring)
        {
            long batch = Stopwatch.GetTimestamp();
            LookUp(store, dimension, keyword, BatchSize);
            TimeSpan time = Stopwatch.GetElapsedTime(batch);
            if (time < best * 0.95)
            {
                improved = Stopwatch.GetTimestamp();
            }

            best = time < best ? time : best;
        }

        return best.TotalNanoseconds / BatchSize;
    }

    private static void LookUp(MmapManager store, DimensionId dimension, string keyword, int times)
    {
        for (int i = 0; i < times; i++)
        {
            using EntryAccess access = store.Find(dimension, keyword);
            if (!access.Found)
            {
                throw new InvalidOperationException($"{keyword} was found in {dimension} a moment ago and is not there now.");
            }
        }
    }

    private static (T Result, TimeSpan Elapsed) Timed<T>(Func<T> action)
    {
        long start = Stopwatch.GetTimestamp();
        T result = action();
        return (result, Stopwatch.GetElapsedTime(start));
    }
}
