namespace DimensionStore.Memory;

/// <summary>How many objects the two pools of a <see cref="DualPoolAllocator"/> hold.</summary>
public sealed record DualPoolPlan
{
    /// <summary>Bytes from one small object to the next.</summary>
    public const int SmallObjectBytes = 128;

    /// <summary>Bytes from one big block to the next.</summary>
    public const int BigBlockBytes = 16 << 10;

    /// <summary>The part of the memory given that the pools take unless told otherwise; the rest is for whatever else lives there.</summary>
    public const double DefaultPoolShare = 0.6;

    /// <summary>The part of the pools' memory that is for small objects where no profile says better.</summary>
    public const double DefaultSmallShare = 0.2;

    /// <summary>How full each pool of a plan from a profile is at the recorded peak.</summary>
    public const double TargetUtilization = 0.9;

    /// <summary>The most small objects a pool can hold: not quite 128 GiB of them.</summary>
    public const int MaxSmallCount = MaxSmallSlots - (MaxSmallSlots / SmallPool.ChunkSlots);

    /// <summary>The most big blocks a pool can hold: 256 GiB of them.</summary>
    public const int MaxBigCount = 1 << 24;

    private const int MaxSmallSlots = 1 << 30;
    private const double LeastShare = 0.01;

    /// <summary>Plans by counts.</summary>
    /// <param name="smallCount">Small objects, 1 to <see cref="MaxSmallCount"/>.</param>
    /// <param name="bigCount">Big blocks, 1 to <see cref="MaxBigCount"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count is out of range.</exception>
    public DualPoolPlan(int smallCount, int bigCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(smallCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(smallCount, MaxSmallCount);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bigCount);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bigCount, MaxBigCount);
        SmallCount = smallCount;
        BigCount = bigCount;
    }

    /// <summary>The sizes of the specification's predecessor: 256 small objects in 32 KiB and 8 big blocks in 128 KiB.</summary>
    public static DualPoolPlan Classic { get; } = new(256, 8);

    /// <summary>Small objects.</summary>
    public int SmallCount { get; }

    /// <summary>Big blocks.</summary>
    public int BigCount { get; }

    /// <summary>Bytes of all objects of both pools.</summary>
    public long ObjectBytes => ((long)SmallCount * SmallObjectBytes) + ((long)BigCount * BigBlockBytes);

    /// <summary>
    /// Computes the counts from the memory given. Without a profile, or with one in which nothing was allocated, the pools' memory is shared 20:80. With a profile each
    /// pool gets what puts its recorded peak at 90 %; where that is more than there is, or the recorded run had failures, so that its peaks say too little, both get their part of all of it.
    /// </summary>
    /// <param name="availableBytes">Memory given, for the pools and all else; at least 64 KiB for the pools.</param>
    /// <param name="profile">What an earlier run recorded, or null.</param>
    /// <param name="poolShare">The part of it that the pools take, more than 0, at most 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is not enough memory for a small object and a big block, or the share is out of range.</exception>
    public static DualPoolPlan From(long availableBytes, DualPoolProfile? profile = null, double poolShare = DefaultPoolShare)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(availableBytes);
        if (!(poolShare is > 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(poolShare), poolShare, "The pools' share must be more than 0 and at most 1.");
        }

        long pools = (long)(availableBytes * poolShare);
        if (pools < 64 << 10)
        {
            throw new ArgumentOutOfRangeException(nameof(availableBytes), availableBytes, poolShare == 1
                ? $"The pools need at least 65,536 bytes and get {pools:N0}. Give more memory."
                : $"The pools need at least 65,536 bytes and get {poolShare:0.##} of {availableBytes:N0}, that is {pools:N0}. Give more memory or a larger share.");
        }

        double smallShare = DefaultSmallShare;
        if (profile is not null && profile.SmallPeakUsage + profile.BigPeakUsage > 0)
        {
            double small = profile.SmallPeakUsage * (double)SmallObjectBytes / TargetUtilization;
            double big = profile.BigPeakUsage * (double)BigBlockBytes / TargetUtilization;
            if (profile.AllocationFailures == 0 && small + big <= pools)
            {
                return new DualPoolPlan(
                    Math.Clamp((int)(profile.SmallPeakUsage / TargetUtilization), 1, SmallCountIn(pools)),
                    Math.Clamp((int)(profile.BigPeakUsage / TargetUtilization), 1, BigCountIn(pools)));
            }

            smallShare = Math.Clamp(small / (small + big), LeastShare, 1 - LeastShare);
        }

        // A pool of one kind only would be no dual pool: both keep at least one object.
        long smallBytes = Math.Min((long)(pools * smallShare), pools - BigBlockBytes);
        return new DualPoolPlan(SmallCountIn(smallBytes), BigCountIn(pools - smallBytes));
    }

    private static int SmallCountIn(long bytes)
    {
        long slots = Math.Min(bytes / SmallObjectBytes, MaxSmallSlots);
        return (int)Math.Max(1, slots - SmallPool.LeadSlots(slots));
    }

    private static int BigCountIn(long bytes) => (int)Math.Clamp(bytes / BigBlockBytes, 1, MaxBigCount);
}
