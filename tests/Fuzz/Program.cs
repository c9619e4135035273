using System.Diagnostics;
using System.Globalization;

namespace DimensionStore.Fuzz;

/// <summary>Fuzzes the reader: <c>dotnet run -c Release --project tests/Fuzz -- --inputs 50000000 [--seed N] [--seconds N] [--threads N] [--out DIR]</c>, or <c>--replay FILE</c>.</summary>
internal static class Program
{
    private const string Usage = "Usage: --inputs N [--seed N] [--seconds N] [--threads N] [--out DIR], or --replay FILE";

    public static int Main(string[] args)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["--inputs"] = "1000000",
            ["--seed"] = "1",
            ["--seconds"] = "",
            ["--threads"] = "1",
            ["--out"] = ".",
            ["--replay"] = "",
        };
        for (int i = 0; i < args.Length; i += 2)
        {
            if (!options.ContainsKey(args[i]) || i + 1 == args.Length)
            {
                Console.Error.WriteLine($"'{args[i]}' is not an option or has no value. {Usage}");
                return 2;
            }

            options[args[i]] = args[i + 1];
        }

        if (options["--replay"].Length > 0)
        {
            return Replay(options["--replay"]);
        }

        double seconds = double.PositiveInfinity;
        if (!long.TryParse(options["--inputs"], NumberStyles.None, CultureInfo.InvariantCulture, out long inputs)
            || !ulong.TryParse(options["--seed"], NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
            || !int.TryParse(options["--threads"], NumberStyles.None, CultureInfo.InvariantCulture, out int threads)
            || threads is < 1 or > 256
            || (options["--seconds"].Length > 0 && !double.TryParse(options["--seconds"], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out seconds)))
        {
            Console.Error.WriteLine($"A number is none or out of range. {Usage}");
            return 2;
        }

        TimeSpan limit = double.IsPositiveInfinity(seconds) ? TimeSpan.MaxValue : TimeSpan.FromSeconds(seconds);
        Console.WriteLine($"seed {seed}, {inputs:N0} inputs, {threads} thread(s)");
        var run = new FuzzRun(seed, inputs, limit, threads, () => new FuzzOracle());
        long begin = Stopwatch.GetTimestamp();
        run.Run(progress => Console.WriteLine($"{progress.Done:N0} inputs, {progress.Done / Stopwatch.GetElapsedTime(begin).TotalSeconds:N0}/s"));
        double elapsed = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        Console.WriteLine($"{run.Done:N0} inputs in {elapsed:N1} s, {run.Done / elapsed:N0}/s; {run.Parsed:N0} parsed, {run.Verified:N0} verified");
        if (run.Failure is null)
        {
            Console.WriteLine("no violation");
            return 0;
        }

        string path = Path.Combine(options["--out"], $"fuzz-failure-{seed}.bin");
        File.WriteAllBytes(path, run.FailingImage!);
        Console.Error.WriteLine($"VIOLATION: {run.Failure}");
        Console.Error.WriteLine($"The image is in {path}; --replay reads it again.");
        return 1;
    }

    private static int Replay(string path)
    {
        string? failure = new FuzzOracle().Check(File.ReadAllBytes(path));
        Console.WriteLine(failure is null ? "no violation" : $"VIOLATION: {failure}");
        return failure is null ? 0 : 1;
    }
}
