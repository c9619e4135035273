using DimensionStore.Fuzz;

namespace DimensionStore.Tests.Format;

/// <summary>A short run of the fuzzer, the same inputs each time. The long run is <c>dotnet run -c Release --project tests/Fuzz</c>.</summary>
public sealed class FuzzTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_reader_stands_a_short_run(int seed)
    {
        var run = new FuzzRun((ulong)seed, 10_000, TimeSpan.MaxValue, 1, () => new FuzzOracle());
        run.Run();
        Assert.Null(run.Failure);
        Assert.Equal(10_000, run.Done);
        Assert.InRange(run.Parsed, 1_000, 9_999);
        Assert.InRange(run.Verified, 10, run.Parsed);
    }

    [Fact]
    public void Inputs_follow_from_seed_and_number()
    {
        var first = new FuzzMutator(FuzzSeed.All());
        var second = new FuzzMutator(FuzzSeed.All());
        second.Make(9, 1);
        Assert.Equal(Convert.ToHexString(first.Make(7, 42)), Convert.ToHexString(second.Make(7, 42)));
        Assert.NotEqual(Convert.ToHexString(first.Make(7, 42)), Convert.ToHexString(second.Make(7, 43)));
    }

    [Fact]
    public void A_missing_bounds_check_is_caught()
    {
        string failure = FailureOf(() => new OracleWithoutBounds());
        Assert.Contains(nameof(ArgumentOutOfRangeException), failure, StringComparison.Ordinal);
    }

    [Fact]
    public void An_allocation_by_an_unchecked_count_is_caught()
        => Assert.Contains("bytes allocated", FailureOf(() => new OracleThatTrustsCounts()), StringComparison.Ordinal);

    private static string FailureOf(Func<FuzzOracle> oracle)
    {
        var run = new FuzzRun(1, 50_000, TimeSpan.MaxValue, 1, oracle);
        run.Run();
        Assert.NotNull(run.Failure);
        Assert.NotNull(run.FailingImage);
        Assert.NotNull(oracle().Check(run.FailingImage));
        return run.Failure;
    }

    /// <summary>The control: follows a posting into its layer without asking whether the layer has so many bytes.</summary>
    private sealed class OracleWithoutBounds : FuzzOracle
    {
        protected override void ReadContent(ReadOnlySpan<byte> layer, EntryLocation entry) => _ = layer.Slice((int)entry.Offset, entry.Length);
    }

    /// <summary>The control: makes room for as many keywords as the metadata claims before it looks at one.</summary>
    private sealed class OracleThatTrustsCounts : FuzzOracle
    {
        protected override void Exercise(ReadOnlySpan<byte> image)
        {
            if (image.Length >= 267)
            {
                _ = new byte[Math.Min(BitConverter.ToUInt32(image[263..]), 1u << 28)];
            }

            base.Exercise(image);
        }
    }
}
