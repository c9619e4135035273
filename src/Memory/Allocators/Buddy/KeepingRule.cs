namespace DimensionStore.Memory;

/// <summary>
/// How much more idle memory to keep than the options say, because what was given back was needed again soon. A program that frees and allocates a few megabytes in turn would otherwise
/// pay for two system calls and a fault on each page every time; glibc raises its thresholds for the same reason. Under the allocator's lock.
/// </summary>
internal struct KeepingRule
{
    /// <summary>The most that is kept in addition: as much as glibc's thresholds grow to.</summary>
    internal const long MostBytes = 32 << 20;

    // So many frees that give back, and no allocation that wants it again: half of it is enough then.
    private const int Patience = 1024;

    private long _lately;
    private int _quiet;

    /// <summary>Bytes to keep in addition.</summary>
    internal long MoreBytes { get; private set; }

    /// <summary>Notes bytes that a free gave back.</summary>
    internal void GivenBack(long bytes)
    {
        if (bytes > 0)
        {
            _lately = Math.Min(_lately + Math.Min(bytes, MostBytes), MostBytes);
            if (++_quiet == Patience)
            {
                _quiet = 0;
                MoreBytes >>= 1;
            }
        }
    }

    /// <summary>Notes bytes that had to be committed: as far as they were given back lately, keeping them would have been better.</summary>
    /// <returns>How many of them were given back lately.</returns>
    internal long Committed(long bytes)
    {
        long again = Math.Min(bytes, _lately);
        if (again > 0)
        {
            _lately -= again;
            _quiet = 0;
            MoreBytes = Math.Min(MostBytes, MoreBytes + again);
        }

        return again;
    }

    /// <summary>Forgets all of it: whoever trims wants the memory back.</summary>
    internal void Forget() => this = default;
}
