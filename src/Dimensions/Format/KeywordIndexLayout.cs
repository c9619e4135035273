using System.Numerics;

namespace DimensionStore;

/// <summary>Where the parts of a keyword index section lie, all following from three numbers. Offsets are from the start of the section.</summary>
internal readonly record struct KeywordIndexLayout
{
    private KeywordIndexLayout(uint keyCount, uint bucketCount, long recordsLength)
    {
        KeyCount = keyCount;
        BucketCount = bucketCount;
        RecordsLength = recordsLength;
        HeadTreeOffset = BucketsOffset + ((long)bucketCount * KeywordIndexFormat.BucketBytes);
        LeavesOffset = HeadTreeOffset + UpperLevelBytes(keyCount);
        RecordsOffset = LeavesOffset + ((long)LevelEntries(keyCount, 1) * KeywordIndexFormat.LeafBytes);
        Length = checked(RecordsOffset + recordsLength);
    }

    /// <summary>Distinct keys.</summary>
    public uint KeyCount { get; }

    /// <summary>Bucket lines, at least 1.</summary>
    public uint BucketCount { get; }

    /// <summary>Bytes of the records.</summary>
    public long RecordsLength { get; }

    /// <summary>Where the buckets begin.</summary>
    public static long BucketsOffset => KeywordIndexFormat.HeaderBytes;

    /// <summary>Where the head tree begins, with its top level; without levels above the leaves it begins with these.</summary>
    public long HeadTreeOffset { get; }

    /// <summary>Where the leaves of the head tree begin.</summary>
    public long LeavesOffset { get; }

    /// <summary>Where the records begin.</summary>
    public long RecordsOffset { get; }

    /// <summary>Bytes of the whole section.</summary>
    public long Length { get; }

    /// <summary>Levels of the head tree; 0 without keys.</summary>
    public int LevelCount => CountLevels(KeyCount);

    /// <summary>The layout a writer makes.</summary>
    public static KeywordIndexLayout Compute(uint keyCount, long recordsLength)
        => new(keyCount, Math.Max(1, (uint)(((ulong)keyCount + KeywordIndexFormat.KeysPerBucket - 1) / KeywordIndexFormat.KeysPerBucket)), recordsLength);

    /// <summary>The layout that the numbers of a section's header state.</summary>
    /// <exception cref="OverflowException">The section would be longer than 63 bits can say.</exception>
    public static KeywordIndexLayout FromHeader(uint keyCount, uint bucketCount, long recordsLength) => new(keyCount, bucketCount, recordsLength);

    /// <summary>Heads in a level before padding; level 0, the leaves, has one per key, each level above one per eight of the level below.</summary>
    public static uint LevelEntries(uint keyCount, int level) => (uint)((keyCount + (1UL << (3 * level)) - 1) >> (3 * level));

    /// <summary>Where a level begins. Levels are stored from the top one down to level 0.</summary>
    public long LevelOffset(int level)
    {
        long offset = HeadTreeOffset;
        for (int above = LevelCount - 1; above > level; above--)
        {
            offset += UpperLevelBytes(KeyCount, above);
        }

        return offset;
    }

    /// <summary>Bytes of a group of a level.</summary>
    public static int GroupBytes(int level) => level == 0 ? KeywordIndexFormat.LeafBytes : KeywordIndexFormat.GroupBytes;

    /// <summary>Levels of the head tree over so many keys: as many as it takes for the top one to have at most eight heads.</summary>
    public static int CountLevels(uint keyCount) => keyCount <= 1 ? (int)keyCount : (BitOperations.Log2(keyCount - 1) / 3) + 1;

    private static long UpperLevelBytes(uint keyCount)
    {
        long bytes = 0;
        for (int level = CountLevels(keyCount) - 1; level > 0; level--)
        {
            bytes += UpperLevelBytes(keyCount, level);
        }

        return bytes;
    }

    // Whole groups, of which the level above has one head each, as the level above the top one would.
    private static long UpperLevelBytes(uint keyCount, int level) => (long)LevelEntries(keyCount, level + 1) * KeywordIndexFormat.GroupBytes;
}
