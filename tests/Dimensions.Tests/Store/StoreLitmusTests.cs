namespace DimensionStore.Tests.Store;

/// <summary>Unloading while others read. What is bounded is the number of changes, not the time; a round waits for a read, so that both sides take part.</summary>
public sealed class StoreLitmusTests
{
    [Fact]
    public void Readers_keep_their_bytes_while_files_are_unmapped_under_the_store()
    {
        // Really unmapped: a reader that is not waited for ends the process, and with it this run.
        using LitmusRun run = new LitmusRun(Residency.Shared, drain: null, poison: false).Run(400);

        Assert.Null(run.Unexpected);
        Assert.Equal(0, run.Violations);
        Assert.True(run.Refusals > 0);
    }

    [Fact]
    public void The_detector_sees_nothing_when_readers_are_waited_for()
    {
        using LitmusRun run = new LitmusRun(Residency.Private, drain: null, poison: true).Run(400);

        Assert.Null(run.Unexpected);
        Assert.Equal(0, run.Violations);
        Assert.True(run.Refusals > 0);
    }

    [Fact]
    public void Control_the_detector_sees_the_store_that_does_not_wait()
    {
        using LitmusRun run = new LitmusRun(Residency.Private, drain: static (_, _) => true, poison: true).Run(20_000, untilViolation: true);

        Assert.True(run.Violations > 0, $"No violation in {run.Reads} reads: the litmus tests beside this one prove nothing.");
    }
}
