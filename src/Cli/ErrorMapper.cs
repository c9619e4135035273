using DimensionStore.Cli.Output;
using DimensionStore.Memory;
using DimensionStore.Memory.Native;

namespace DimensionStore.Cli;

/// <summary>The one place that turns an error into an exit code and a line for a person.</summary>
internal static class ErrorMapper
{
    /// <summary>Maps an error.</summary>
    /// <returns>Exit code and a message of one line, without the tool's name.</returns>
    public static (int ExitCode, string Message) Map(Exception exception)
    {
        (int code, string message) = Classify(exception);
        return (code, Display.OneLine(message));
    }

    private static (int ExitCode, string Message) Classify(Exception exception) => exception switch
    {
        AggregateException { InnerExceptions: [Exception only] } => Classify(only),
        OperationCanceledException => (ExitCodes.Cancelled, "stopped; nothing was left half written."),
        CliUsageException => (ExitCodes.Usage, exception.Message),
        DimensionFileExistsException exists => (ExitCodes.Refused, $"{exists.FilePath} exists and is kept; --force replaces it."),
        MemoryMapFileExistsException exists => (ExitCodes.Refused, $"{exists.FilePath} exists and is kept; --force replaces it."),
        DimensionNotFoundException or LayerNotFoundException or RegionNotFoundException => (ExitCodes.NotFound, exception.Message),
        TraceReplayException { InnerException: VirtualMemoryException or OutOfMemoryException } => (ExitCodes.InputOutput, exception.Message),
        CodecUnavailableException => (ExitCodes.InputOutput, exception.Message),
        TraceTooLargeException tooLarge => (ExitCodes.Refused, $"{tooLarge.FilePath} has {tooLarge.PeakLiveBytes:N0} bytes live at its peak, all of which a replay writes, and the system has {tooLarge.AvailableBytes:N0} bytes of memory available. Replay a smaller trace, or say with --capacity what an allocator may commit."),
        TraceFormatException { Error: TraceFormatError.TooManyRecords } tooMany => (ExitCodes.Refused, $"{tooMany.FilePath}: {tooMany.Error} at offset {tooMany.Offset:N0}: expected {tooMany.Expected}, found {tooMany.Found}. Record a shorter run."),
        DimensionStoreException or LimitExceededException => (ExitCodes.Refused, exception.Message),
        VirtualMemoryException or AllocationFailedException => (ExitCodes.InputOutput, exception.Message),
        MemoryToolkitException => (ExitCodes.Refused, exception.Message),
        IOException or UnauthorizedAccessException => (ExitCodes.InputOutput, exception.Message),
        ArgumentException => (ExitCodes.Usage, WithoutParameterName(exception.Message)),
        OutOfMemoryException => (ExitCodes.InputOutput, "the system has no memory left."),
        _ => (ExitCodes.Defect, $"unexpected {exception.GetType().Name}: {exception.Message} This is a defect in dimstore."),
    };

    private static string WithoutParameterName(string message)
    {
        int suffix = message.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return suffix < 0 ? message : message[..suffix];
    }
}
