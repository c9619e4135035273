using System.Diagnostics;
using System.Globalization;
using DimensionStore.Memory;
using DimensionStore.Memory.Tests.Diagnostics;

namespace DimensionStore.Fuzz;

/// <summary>
/// Fuzzes a reader: <c>dotnet run -c Release --project tests/Fuzz -- --inputs 50000000 [--format dimension|trace] [--seed N] [--seconds N] [--threads N] [--out DIR]</c>,
/// or <c>--replay FILE</c>; traces are fuzzed on one thread, since a replay has threads of its own.
/// Or misuses memory blocks and counts what the diagnostics find: <c>--faults 100000 [--seed N]</c>, so many of each kind.
/// </summary>
internal static class Program
{
    private const string Usage = "Usage: --inputs N [--format dimension|trace] [--seed N] [--seconds N] [--threads N] [--out DIR], or --replay FILE, or --faults N [--seed N]";

    public static int Main(string[] args)
    {
        var options = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["--inputs"] = "1000000",
            ["--format"] = "dimension",
            ["--seed"] = "1",
            ["--seconds"] = "",
            ["--threads"] = "1",
            ["--out"] = ".",
            ["--replay"] = "",
            ["--faults"] = "",
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
            return Replay(options["--replay"], options["--format"] == "trace");
        }

        if (options["--faults"].Length > 0)
        {
            return InjectFaults(options["--faults"], options["--seed"]);
        }

        double seconds = double.PositiveInfinity;
        if (!long.TryParse(options["--inputs"], NumberStyles.None, CultureInfo.InvariantCulture, out long inputs)
            || !ulong.TryParse(options["--seed"], NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed)
            || !int.TryParse(options["--threads"], NumberStyles.None, CultureInfo.InvariantCulture, out int threads)
            || threads is < 1 or > 256
            || options["--format"] is not ("dimension" or "trace")
            || (options["--seconds"].Length > 0 && !double.TryParse(options["--seconds"], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out seconds)))
        {
            Console.Error.WriteLine($"A value is none of those expected or out of range. {Usage}");
            return 2;
        }

        TimeSpan limit = double.IsPositiveInfinity(seconds) ? TimeSpan.MaxValue : TimeSpan.FromSeconds(seconds);
        Console.WriteLine($"seed {seed}, {inputs:N0} inputs, {threads} thread(s)");
        if (options["--format"] == "trace")
        {
            return FuzzTraces(seed, inputs, limit, options["--out"]);
        }

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

        return Report(options["--out"], seed, run.Failure, run.FailingImage!);
    }

    private static int FuzzTraces(ulong seed, long inputs, TimeSpan limit, string directory)
    {
        var fuzz = new TraceFuzz();
        long begin = Stopwatch.GetTimestamp();
        (string? failure, byte[]? image, long done) = fuzz.Run(seed, inputs, limit);
        double elapsed = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        Console.WriteLine($"{done:N0} inputs in {elapsed:N1} s, {done / elapsed:N0}/s; {fuzz.Accepted:N0} accepted");
        if (failure is null)
        {
            Console.WriteLine("no violation");
            return 0;
        }

        return Report(directory, seed, failure, image!);
    }

    private static int Report(string directory, ulong seed, string failure, byte[] image)
    {
        string path = Path.Combine(directory, $"fuzz-failure-{seed}.bin");
        File.WriteAllBytes(path, image);
        Console.Error.WriteLine($"VIOLATION: {failure}");
        Console.Error.WriteLine($"The image is in {path}; --replay reads it again.");
        return 1;
    }

    private static int InjectFaults(string count, string seed)
    {
        if (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out int faults) || !int.TryParse(seed, NumberStyles.None, CultureInfo.InvariantCulture, out int first) || faults == 0)
        {
            Console.Error.WriteLine($"A number is none or out of range. {Usage}");
            return 2;
        }

        bool perfect = true;
        foreach (MemoryFault kind in FaultInjection.Kinds)
        {
            long begin = Stopwatch.GetTimestamp();
            FaultInjection faulty = FaultInjection.Run(kind, faults, first);
            FaultInjection clean = FaultInjection.RunClean(kind, faults, first);
            string control = kind is MemoryFault.Overrun or MemoryFault.Underrun or MemoryFault.UseAfterFree ? $", {FaultInjection.FoundWithoutLayer(kind, faults):N0} without the layer" : "";
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{kind,-14} {faulty.Injected,9:N0} injected, {faulty.Found,9:N0} found, {faulty.Invented:N0} invented; {clean.Found + clean.Invented:N0} in the clean run{control}; {Stopwatch.GetElapsedTime(begin).TotalSeconds:0.0} s"));
            perfect &= faulty.Found == faulty.Injected && faulty.Invented + clean.Found + clean.Invented == 0;
        }

        return perfect ? 0 : 1;
    }

    private static int Replay(string path, bool isTrace)
    {
        byte[] image = File.ReadAllBytes(path);
        string? failure = isTrace ? new TraceFuzz().Check(image) : new FuzzOracle().Check(image);
        Console.WriteLine(failure is null ? "no violation" : $"VIOLATION: {failure}");
        return failure is null ? 0 : 1;
    }
}
