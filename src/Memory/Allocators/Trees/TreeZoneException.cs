namespace DimensionStore.Memory;

/// <summary>An error of the rooted-tree zones that no other error of the toolkit says already: <see cref="TreeZoneError.LatencyExceeded"/> and <see cref="TreeZoneError.Fragmented"/>.</summary>
public sealed class TreeZoneException : MemoryToolkitException
{
    /// <summary>Creates the error.</summary>
    public TreeZoneException(TreeZoneError error, string message)
        : base(message) => Error = error;

    /// <summary>The code of the specification.</summary>
    public TreeZoneError Error { get; }

    /// <summary>
    /// The code of the specification that an exception of a <see cref="TreeZoneAllocator"/> stands for: the contract's own exceptions are thrown, so that all allocators fail alike,
    /// and this is the way from them to the five codes. <see cref="TreeZoneError.None"/> for null and for what none of the codes means.
    /// </summary>
    public static TreeZoneError CodeOf(Exception? exception) => exception switch
    {
        TreeZoneException own => own.Error,
        { InnerException: TreeZoneException { Error: TreeZoneError.Fragmented } } => TreeZoneError.Fragmented,
        AllocationFailedException or LimitExceededException or Native.VirtualMemoryException => TreeZoneError.OutOfMemory,
        ArgumentException or MemoryFaultException => TreeZoneError.InvalidArgument,
        ObjectDisposedException => TreeZoneError.NotInitialized,
        _ => TreeZoneError.None,
    };
}
