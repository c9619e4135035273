namespace DimensionStore.Memory;

/// <summary>A second thread used an allocator that is for one thread only. Nothing was done.</summary>
public sealed class WrongThreadException : MemoryToolkitException
{
    /// <summary>Creates the error.</summary>
    public WrongThreadException(string allocator, int owningThread, int callingThread)
        : base($"{allocator}: used by thread {callingThread}, and it is not thread-safe and belongs to thread {owningThread}, which used it first. Give each thread its own, or take a thread-safe allocator.")
    {
        Allocator = allocator;
        OwningThread = owningThread;
        CallingThread = callingThread;
    }

    /// <summary>Name of the allocator.</summary>
    public string Allocator { get; }

    /// <summary>Managed id of the thread that used it first.</summary>
    public int OwningThread { get; }

    /// <summary>Managed id of the thread that called.</summary>
    public int CallingThread { get; }
}
