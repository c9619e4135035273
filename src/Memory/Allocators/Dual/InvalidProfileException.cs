namespace DimensionStore.Memory;

/// <summary>A recorded profile cannot be read: not JSON, a counter that is missing, unknown, twice there or out of range.</summary>
public sealed class InvalidProfileException : MemoryToolkitException
{
    /// <summary>Creates the error.</summary>
    public InvalidProfileException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
