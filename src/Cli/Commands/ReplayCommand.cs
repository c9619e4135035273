using System.CommandLine;
using DimensionStore.Cli.Output;
using DimensionStore.Memory;

namespace DimensionStore.Cli.Commands;

/// <summary><c>replay</c>: an allocation trace through an allocator, or through all of them.</summary>
internal static class ReplayCommand
{
    private const string DefaultAllocator = "general";

    public static Command Create(CliContext context)
    {
        Argument<string> trace = new Argument<string>("TRACE") { Description = "Allocation trace (ALTRACE1), plain or gzip." }.NotEmpty();
        Option<string> allocator = new Option<string>("--allocator")
        {
            Description = $"Which allocator: {string.Join(", ", AllocatorCatalog.All.Select(kind => kind.Name))}.",
            HelpName = "NAME",
            DefaultValueFactory = _ => DefaultAllocator,
        }.NotEmpty();
        Option<bool> compare = new("--compare") { Description = "Replay through every allocator, and time the system's malloc beside them." };
        Option<long?> capacity = CommonSymbols.Capacity();
        Option<int?> passes = CommonSymbols.Passes();
        Option<bool> json = CommonSymbols.Json();
        var command = new Command("replay", "Replay an allocation trace and measure speed, memory and fragmentation.") { trace, allocator, compare, capacity, passes, json };
        command.SetAction(parse =>
        {
            var options = new TraceReplayOptions { Cancellation = context.Cancellation };
            options = options with { TimedPasses = parse.GetValue(passes) ?? options.TimedPasses };
            AllocatorKind[] kinds = parse.GetValue(compare) ? [.. AllocatorCatalog.All] : [AllocatorCatalog.Find(parse.GetRequiredValue(allocator))];
            if (parse.GetValue(compare) && parse.GetResult(allocator) is { Implicit: false })
            {
                throw new CliUsageException("--compare replays through every allocator and --allocator through one; give one of the two.");
            }

            string path = parse.GetRequiredValue(trace);
            AllocationTrace records = AllocationTrace.Load(path, cancellation: context.Cancellation);
            long? bytes = parse.GetValue(capacity);
            if (bytes is null)
            {
                TraceReplayer.RequireMemory(records);
            }

            if (!parse.GetValue(compare))
            {
                ReplayOutcome outcome = Replay(records, path, kinds[0], bytes, options);
                Print(context, outcome, parse.GetValue(json));
                return ExitCodes.Ok;
            }

            return Compare(context, records, path, kinds, bytes, options, parse.GetValue(json));
        });
        return command;
    }

    private static int Compare(CliContext context, AllocationTrace trace, string path, AllocatorKind[] kinds, long? capacity, TraceReplayOptions options, bool asJson)
    {
        var outcomes = new List<ReplayOutcome>();
        foreach (AllocatorKind kind in kinds)
        {
            try
            {
                outcomes.Add(Replay(trace, path, kind, capacity, options));
            }
            catch (Exception failure) when (failure is MemoryToolkitException or ArgumentException)
            {
                outcomes.Add(new ReplayOutcome(path, kind.Name, Capacity(trace, kind, capacity), null, failure));
            }
        }

        double native = options.TimedPasses == 0 ? double.NaN : TraceReplayer.TimeNativeMemory(trace, options);
        if (asJson)
        {
            context.WriteJson(writer =>
            {
                writer.WriteStartObject();
                writer.WriteString("trace", path);
                JsonOutput.WriteFigure(writer, "nativeMemoryNsPerOperation", native);
                writer.WriteStartArray("allocators");
                foreach (ReplayOutcome outcome in outcomes)
                {
                    JsonOutput.WriteReplay(writer, outcome);
                }

                writer.WriteEndArray();
                writer.WriteEndObject();
            });
        }
        else
        {
            ReplayTable.Write(context.Console, trace, outcomes, native);
        }

        ReplayOutcome? failed = outcomes.Find(outcome => outcome.Failure is not null);
        return failed is null ? ExitCodes.Ok : context.Report(failed.Failure!);
    }

    private static ReplayOutcome Replay(AllocationTrace trace, string path, AllocatorKind kind, long? capacity, TraceReplayOptions options)
    {
        long bytes = Capacity(trace, kind, capacity);
        using MemoryAllocator allocator = kind.Create(new AllocatorSettings { CapacityBytes = bytes });
        return new ReplayOutcome(path, kind.Name, bytes, TraceReplayer.Replay(trace, allocator, options), null);
    }

    // A limit above what an allocator can be made with is kept all the same: by its own, at the record that does not fit.
    private static long Capacity(AllocationTrace trace, AllocatorKind kind, long? capacity) =>
        capacity is { } bytes ? Math.Min(bytes, kind.MaxCapacityBytes) : TraceReplayer.SuggestCapacity(trace, kind);

    private static void Print(CliContext context, ReplayOutcome outcome, bool asJson)
    {
        if (asJson)
        {
            context.WriteJson(writer => JsonOutput.WriteReplay(writer, outcome));
            return;
        }

        ReplayTable.Write(context.Console, outcome);
    }
}

/// <summary>What became of one allocator.</summary>
/// <param name="Trace">The trace's file.</param>
/// <param name="Allocator">The allocator's name in the catalog.</param>
/// <param name="CapacityBytes">What it was given.</param>
/// <param name="Result">Null when it failed.</param>
/// <param name="Failure">Null when it did not.</param>
internal sealed record ReplayOutcome(string Trace, string Allocator, long CapacityBytes, TraceReplayResult? Result, Exception? Failure);
