namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>That kept runs are run as they were printed, and none is passed over.</summary>
public sealed class KeptRunsTests
{
    [Fact]
    public void What_is_printed_is_what_is_read()
    {
        AllocatorOperation first = new(OperationKind.AllocateNoGrow, 12, int.MaxValue - 1, 5);
        AllocatorOperation second = new(OperationKind.Trim, 1, 0, 0);
        (string found, AllocatorOperation[] operations) = Assert.Single(KeptRuns.Parse($"# Of no run.\n\n# What\n# it found.\r\n[|{first};\n  {second}|]\n"));
        Assert.Equal("What it found.", found);
        Assert.Equal([first, second], operations);
    }

    [Theory]
    [InlineData("AllocatorOperation { Kind = Alocate, Size = 12, Pick = 1, Owner = 3 }")]
    [InlineData("AllocatorOperation { Kind = Free, Size = 12, Pick = 1 }")]
    [InlineData("what it found, without a mark")]
    public void A_line_that_cannot_be_read_is_not_passed_over(string line)
        => Assert.Contains("Line 2", Assert.Throws<FormatException>(() => KeptRuns.Parse($"# Something.\n{line}\n")).Message, StringComparison.Ordinal);

    [Fact]
    public void Every_kept_run_says_what_it_found()
        => Assert.All(KeptRuns.All, run => Assert.NotEqual("", run.Found));
}
