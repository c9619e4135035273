namespace DimensionStore.Memory;

/// <summary>
/// How much of the memory that nothing needs any more goes back while an allocator takes more from the system, so that it does not hold both. What is taken pays for three quarters as many bytes: a
/// program that uses parts of its memory in turn gives some back, takes that again, which pays for less, and so on; all of it together is no more than three times what was taken at first. Nothing
/// goes back while less than half of the most is resident that ever was. Under the allocator's lock.
/// </summary>
/// <remarks>
/// Rejected: to give back for the growth of the peak alone, which is used up by the turnover before the peak; to give back as much as was taken, which never ends; and by time, as jemalloc's decay
/// does, which a program's burst does not wait for.
/// </remarks>
internal struct GivingBackRule
{
    private long _peakBytes;
    private bool _isNearPeak;

    /// <summary>Bytes that may go back.</summary>
    internal long AllowanceBytes { get; private set; }

    /// <summary>Whether so many bytes may go back now. A hint where it is asked without the lock.</summary>
    internal readonly bool IsDue(long leastBytes) => _isNearPeak && AllowanceBytes >= leastBytes;

    /// <summary>Notes bytes that were taken from the system.</summary>
    /// <param name="bytes">How many.</param>
    /// <param name="residentBytes">How many there are now.</param>
    internal void Taken(long bytes, long residentBytes)
    {
        _peakBytes = Math.Max(_peakBytes, residentBytes);
        _isNearPeak = bytes > 0 && residentBytes >= _peakBytes / 2;
        AllowanceBytes = Math.Min(AllowanceBytes + (bytes / 4 * 3), residentBytes);
    }

    /// <summary>Notes bytes that went back.</summary>
    internal void Given(long bytes) => AllowanceBytes -= bytes;

    /// <summary>Hands the allowance over to who gives back outside the lock and notes with <see cref="Given"/>, as less than nothing, what is left.</summary>
    internal long HandOver()
    {
        long allowance = AllowanceBytes;
        AllowanceBytes = 0;
        _isNearPeak = false;
        return allowance;
    }

    /// <summary>Notes that all has gone back that can: the peak counts from here.</summary>
    /// <param name="residentBytes">How many bytes there are now.</param>
    internal void Trimmed(long residentBytes) => _peakBytes = residentBytes;
}
