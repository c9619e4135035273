namespace DimensionStore.Memory;

/// <summary>Base of every error the off-heap toolkit reports. Catch it to handle all of them alike.</summary>
public abstract class MemoryToolkitException : Exception
{
    /// <summary>Creates the error with a message that says what was wrong and what to do.</summary>
    protected MemoryToolkitException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
