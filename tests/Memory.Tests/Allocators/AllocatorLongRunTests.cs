using System.Globalization;
using System.Text;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>
/// Every allocator of the catalog against the model, for as long as is asked: 20,000 operations each in the ordinary suite, and ten million with
/// <c>DIMENSIONSTORE_OPERATIONS=10000000 dotnet test tests/Memory.Tests -c Release --filter Long_run</c>.
/// </summary>
public sealed class AllocatorLongRunTests
{
    private const int EpochOperations = 10_000;
    private const int LargestSize = 200_000;
    private const long CapacityBytes = 16L << 20;

    private static readonly OperationKind[] Kinds = Weighted();

    public static TheoryData<string> Names => [.. AllocatorCatalog.All.Select(kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Long_run_agrees_with_the_model(string name)
    {
        long operations = FromEnvironment("DIMENSIONSTORE_OPERATIONS", 20_000);
        int seed = (int)FromEnvironment("DIMENSIONSTORE_SEED", 20261121);
        for (long epoch = 0; epoch * EpochOperations < operations; epoch++)
        {
            AllocatorOperation[] run = Make(new Random(HashCode(seed, epoch)), (int)Math.Min(EpochOperations, operations - (epoch * EpochOperations)));
            if (Failure(name, run) is { } first)
            {
                AllocatorOperation[] shortest = Shorten(name, run);
                Assert.Fail($"{name}, seed {seed}, epoch {epoch}: {first.Message}\nShortened to {shortest.Length} operations that fail with: {Failure(name, shortest)?.Message}\n{Text(shortest)}");
            }
        }
    }

    [Fact]
    public void Shortening_keeps_what_fails_and_drops_the_rest()
    {
        AllocatorOperation[] run = Make(new Random(1), 500);
        AllocatorOperation culprit = new(OperationKind.Look, 12345, 0, 0);
        run[321] = culprit;
        AllocatorOperation[] shortest = Shorten(run, operations => operations.Contains(culprit));
        Assert.Equal([culprit], shortest);
    }

    private static Exception? Failure(string name, AllocatorOperation[] operations)
    {
        using MemoryAllocator allocator = AllocatorCatalog.Create(name, new AllocatorSettings { CapacityBytes = CapacityBytes, Budget = new MemoryBudget("long run", CapacityBytes) });
        AllocatorModel model = new(allocator);
        try
        {
            foreach (AllocatorOperation operation in operations)
            {
                model.Run(operation);
            }

            model.CheckAll();
            model.FreeAll();
            model.CheckAll();
            return null;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return e;
        }
    }

    private static AllocatorOperation[] Shorten(string name, AllocatorOperation[] run) => Shorten(run, operations => Failure(name, operations) is not null);

    /// <summary>Leaves out pieces, large ones first, as long as the rest still fails (Zeller's delta debugging, without its complement step).</summary>
    private static AllocatorOperation[] Shorten(AllocatorOperation[] run, Func<AllocatorOperation[], bool> fails)
    {
        for (int piece = run.Length / 2; piece > 0; piece /= 2)
        {
            for (int start = 0; start + piece <= run.Length;)
            {
                AllocatorOperation[] rest = [.. run.AsSpan(0, start), .. run.AsSpan(start + piece)];
                if (fails(rest))
                {
                    run = rest;
                }
                else
                {
                    start += piece;
                }
            }
        }

        return run;
    }

    private static AllocatorOperation[] Make(Random random, int count)
    {
        AllocatorOperation[] operations = new AllocatorOperation[count];
        for (int i = 0; i < count; i++)
        {
            int bits = random.Next((int)Math.Log2(LargestSize) + 1);
            int size = Math.Min(LargestSize, (1 << bits) + random.Next(1 << bits));
            operations[i] = new AllocatorOperation(Kinds[random.Next(Kinds.Length)], size, random.Next(int.MaxValue), random.Next(6));
        }

        return operations;
    }

    // The rare steps rarer than in the short runs, so that many blocks are live at once.
    private static OperationKind[] Weighted()
    {
        List<OperationKind> kinds = [];
        foreach (OperationKind kind in Enum.GetValues<OperationKind>())
        {
            int weight = kind switch
            {
                OperationKind.Allocate => 600,
                OperationKind.Free => 480,
                OperationKind.FreeSized => 160,
                OperationKind.Trim => 5,
                OperationKind.Reset => 1,
                _ => 40,
            };
            kinds.AddRange(Enumerable.Repeat(kind, weight));
        }

        return [.. kinds];
    }

    private static int HashCode(int seed, long epoch) => unchecked((int)(((ulong)seed * 0x9E3779B97F4A7C15UL) + ((ulong)epoch * 0xBF58476D1CE4E5B9UL) >> 32));

    private static long FromEnvironment(string name, long otherwise) =>
        long.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : otherwise;

    private static string Text(AllocatorOperation[] operations)
    {
        StringBuilder text = new();
        foreach (AllocatorOperation operation in operations.Take(100))
        {
            text.AppendLine(operation.ToString());
        }

        return text.ToString();
    }
}
