namespace DimensionStore.Memory;

/// <summary>
/// A <see cref="SpinWait"/> that <see cref="Thread.Interrupt"/> does not end, for waits in the middle of something: with a lock taken, or memory half given back. The interruption is put off to the
/// thread's next wait after <see cref="End"/>. A mutable structure: a local, never copied.
/// </summary>
internal ref struct PatientWait
{
    // That of SpinOnce without an argument.
    private const int DefaultSleepThreshold = 20;

    private SpinWait _spin;
    private bool _isInterrupted;

    /// <summary>How often it has waited.</summary>
    internal readonly int Count => _spin.Count;

    /// <summary>Waits a little: spins, then yields, then sleeps.</summary>
    /// <param name="maySleep">False for who is in a hurry: it yields at most.</param>
    internal void SpinOnce(bool maySleep = true)
    {
        try
        {
            _spin.SpinOnce(maySleep ? DefaultSleepThreshold : -1);
        }
        catch (ThreadInterruptedException)
        {
            _isInterrupted = true;
        }
    }

    /// <summary>Lets an interruption through that came meanwhile.</summary>
    internal readonly void End()
    {
        if (_isInterrupted)
        {
            Thread.CurrentThread.Interrupt();
        }
    }
}
