using System.Globalization;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Base of every cmdlet here: Ctrl+C reaches the library as a cancelled token, and expected failures become error records of one kind.</summary>
public abstract class DimensionCmdlet : PSCmdlet, IDisposable
{
    /// <summary>The most findings, and the most leaks, that a command names one by one.</summary>
    private protected const int MostTold = 10;

    private readonly CancellationTokenSource _stop = new();
    private PathResolver? _paths;

    /// <summary>Cancelled when the pipeline is stopped.</summary>
    private protected CancellationToken StopToken => _stop.Token;

    /// <summary>Turns what a user wrote into paths of the file system.</summary>
    private protected PathResolver Paths => _paths ??= new PathResolver(this);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives up what the cmdlet holds; PowerShell calls it when the pipeline ends, however it ends.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stop.Dispose();
        }
    }

    /// <summary>Called by PowerShell on another thread when the user presses Ctrl+C.</summary>
    protected override void StopProcessing()
    {
        try
        {
            _stop.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The pipeline ended on its own in the same moment: nothing is left to stop.
        }
    }

    /// <summary>Runs one item's work. An expected failure is written as a non-terminating error, so that the next item is still served.</summary>
    /// <param name="target">What the error is about.</param>
    /// <param name="work">The work.</param>
    /// <param name="source">The allocator or store that is worked on, which may be removed or closed meanwhile; where <paramref name="target"/> does not tell.</param>
    /// <returns>Whether it succeeded.</returns>
    private protected bool Try(object? target, Action work, BlockSource? source = null)
    {
        try
        {
            work();
            return true;
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
        catch (Exception e) when (Errors.IsExpected(e))
        {
            WriteError(Errors.From(e, target, source));
            return false;
        }
    }

    /// <summary>Tells what an allocator's diagnosis has found that no call was told of: an error for each of the first, a warning with the number of the others.</summary>
    private protected void TellFaults(BlockSource? source)
    {
        if (source is not MemoryAllocatorSession session)
        {
            return;
        }

        (IReadOnlyList<MemoryFaultInfo> some, int more) = session.TakeUntoldFaults(MostTold);
        if (more > 0)
        {
            // First, because an error may end the command.
            WriteWarning(string.Create(CultureInfo.InvariantCulture, $"{session.Name}: misuse of {some.Count + more} blocks was found; beside {some.Count} errors there are {more} more. The allocator's property Findings has them all."));
        }

        foreach (MemoryFaultInfo fault in some)
        {
            WriteError(Errors.FaultFound(fault));
        }
    }

    /// <summary>Runs work without which the cmdlet has no purpose. An expected failure ends the command.</summary>
    private protected void Demand(object? target, Action work, BlockSource? source = null)
    {
        try
        {
            work();
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
        catch (Exception e) when (Errors.IsExpected(e))
        {
            ThrowTerminatingError(Errors.From(e, target, source));
        }
    }
}
