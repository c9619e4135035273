using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using DimensionStore.Benchmarks.Peers;
using DimensionStore.Benchmarks.Quick.Allocation;

namespace DimensionStore.Benchmarks.Quick;

/// <summary>The quick mode: every group once, figures and ratios to the peers measured beside them.</summary>
internal static class QuickRun
{
    private static readonly string[] Groups = ["lookup", "access", "open", "build", "pool", "eviction", "alloc", "traces", "latency", "churn-frag", "diagnostics"];

    public static int Start(string[] args)
    {
        string? json = null;
        string? only = null;
        string? traces = null;
        for (int i = 0; i < args.Length; i++)
        {
            switch (args[i])
            {
                case "--json" when i + 1 < args.Length:
                    json = args[++i];
                    break;
                case "--only" when i + 1 < args.Length && Groups.Contains(args[i + 1]):
                    only = args[++i];
                    break;
                case "--traces" when i + 1 < args.Length && Directory.Exists(args[i + 1]):
                    traces = args[++i];
                    break;
                default:
                    Console.Error.WriteLine($"'{args[i]}' is not understood; use quick [--json FILE] [--only {string.Join('|', Groups)}] [--traces DIRECTORY]; 'traces' needs the directory.");
                    return 2;
            }
        }

        if (only == "traces" && traces is null)
        {
            Console.Error.WriteLine("The group 'traces' replays allocation traces (ALTRACE1); say where they are with --traces DIRECTORY.");
            return 2;
        }

        if (ThreadStorage.Restart() is { } code)
        {
            return code;
        }

        Stopwatch watch = Stopwatch.StartNew();
        Corpus corpus = Corpus.Load();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{corpus.Items.Count:N0} keys from {corpus.Name}; .NET {Environment.Version}, {Environment.ProcessorCount} processors"));
        using Workspace workspace = new(corpus);
        List<Measurement> all = [];
        foreach (string group in Groups.Where(g => only is null || g == only))
        {
            IEnumerable<Measurement> measured = group switch
            {
                "lookup" => LookupGroup.Run(workspace),
                "access" => AccessGroup.Run(workspace),
                "open" => OpenGroup.Run(workspace),
                "build" => BuildGroup.Run(workspace),
                "pool" => PoolGroup.Run(),
                "alloc" => AllocationGroup.Run(),
                "traces" => RunTraces(traces),
                "latency" => LatencyGroup.Run(),
                "churn-frag" => FragmentationGroup.Run(),
                "diagnostics" => [.. FaultNamingGroup.Run(), .. DiagnosticsGroup.Run()],
                _ => EvictionGroup.Run(corpus),
            };
            List<Measurement> list = [.. measured];
            Print(list);
            all.AddRange(list);
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Environment.NewLine}in all {watch.Elapsed.TotalSeconds:0} s"));
        if (json is not null)
        {
            using FileStream file = File.Create(json);
            JsonSerializer.Serialize(file, all, JsonOptions);
        }

        return 0;
    }

    private static IEnumerable<Measurement> RunTraces(string? directory)
    {
        if (directory is not null)
        {
            return TraceGroup.Run(directory);
        }

        Console.WriteLine($"{Environment.NewLine}traces: left out, because they are not part of the repository; --traces DIRECTORY says where they are");
        return [];
    }

    private static JsonSerializerOptions JsonOptions { get; } = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    private static void Print(List<Measurement> measurements)
    {
        foreach (IGrouping<string, Measurement> group in measurements.GroupBy(m => m.Group))
        {
            Measurement reference = group.FirstOrDefault(m => m.IsOurs) ?? group.First();
            Console.WriteLine();
            Console.WriteLine($"{group.Key}  (ratio: figure / \"{reference.Name}\")");
            foreach (Measurement m in group)
            {
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture,
                    $"  {m.Name,-64} {Format(m),12} {m.Value / reference.Value,9:0.00}x {m.ManagedBytesPerOperation,12:N1} B managed"));
            }
        }
    }

    private static string Format(Measurement m) => m.Unit == "%" ? string.Create(CultureInfo.InvariantCulture, $"{m.Value:0.00} %") : FormatTime(m.Value);

    private static string FormatTime(double nanoseconds) => nanoseconds switch
    {
        < 1_000 => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds:0.00} ns"),
        < 1_000_000 => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1_000:0.0} us"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{nanoseconds / 1_000_000:0.0} ms"),
    };
}
