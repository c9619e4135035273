namespace DimensionStore;

/// <summary>Base of every error the store reports about files, dimensions and layers.</summary>
public abstract class DimensionStoreException : Exception
{
    /// <summary>Creates the error with a message that says what was wrong, where, and what to do.</summary>
    protected DimensionStoreException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
