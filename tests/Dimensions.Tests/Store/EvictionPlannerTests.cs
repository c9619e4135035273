using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Tests.Store;

public sealed class EvictionPlannerTests
{
    [Theory]
    [InlineData(0, 10, 0, 0)]
    [InlineData(74, 10, 50, 0)]
    [InlineData(75, 10, 50, 1)]
    [InlineData(84, 10, 50, 10)]
    [InlineData(84, 10, 5, 0)]
    [InlineData(95, 10, 5, 5)]
    [InlineData(95, 10, 4, EvictionPlanner.Impossible)]
    [InlineData(0, 100, 0, 0)]
    [InlineData(0, 101, 0, EvictionPlanner.Impossible)]
    [InlineData(60, 100, 60, 60)]
    public void Room_is_made_below_the_threshold_where_it_can_be(long used, long needed, long evictable, long expected) =>
        Assert.Equal(expected, EvictionPlanner.BytesToFree(used, needed, evictable, 100, EvictionPlanner.ThresholdBytes(100, 85)));

    [Fact]
    public void The_threshold_is_the_first_usage_that_counts_as_pressure()
    {
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(20_000), Prop.ForAll(
            Gen.Choose(1, 1_000_000).ToArbitrary(),
            Gen.Choose(1, 100).ToArbitrary(),
            (limit, percent) =>
            {
                Memory.PressureThresholds thresholds = new(percent, percent, 100);
                long threshold = EvictionPlanner.ThresholdBytes(limit, percent);
                return thresholds.LevelOf(threshold, limit) >= Memory.PressureLevel.Eviction
                    && thresholds.LevelOf(threshold - 1, limit) < Memory.PressureLevel.Eviction;
            }));
    }

    [Fact]
    public void The_least_recent_or_the_least_frequent_leaves_first()
    {
        EvictionCandidate[] all = [new(1, 10, LastUse: 30, UseCount: 1), new(2, 10, LastUse: 10, UseCount: 9), new(3, 10, LastUse: 20, UseCount: 5)];

        Assert.Equal([2], Choose(EvictionPolicy.Lru, all, 10));
        Assert.Equal([2, 3], Choose(EvictionPolicy.Lru, all, 11));
        Assert.Equal([1], Choose(EvictionPolicy.Lfu, all, 10));
        Assert.Equal([1, 3], Choose(EvictionPolicy.Lfu, all, 20));
        Assert.Equal([1, 2, 3], Choose(EvictionPolicy.Lru, all, 999).Order());
        Assert.Empty(Choose(EvictionPolicy.Lru, all, 0));
    }

    [Fact]
    public void Among_equally_frequent_the_least_recent_leaves() =>
        Assert.Equal([2], Choose(EvictionPolicy.Lfu, [new(1, 10, 30, 4), new(2, 10, 10, 4), new(3, 10, 20, 4)], 5));

    [Fact]
    public void What_a_larger_victim_makes_unnecessary_stays() =>
        Assert.Equal([3], Choose(EvictionPolicy.Lru, [new(1, 1, 1, 0), new(2, 2, 2, 0), new(3, 50, 3, 0), new(4, 50, 4, 0)], 40));

    [Fact]
    public void Enough_leaves_and_nobody_in_vain()
    {
        Gen<EvictionCandidate> candidate =
            from size in Gen.Choose(1, 100)
            from last in Gen.Choose(0, 5)
            from uses in Gen.Choose(0, 5)
            select new EvictionCandidate(0, size, last, uses);
        Check.QuickThrowOnFailure(Prop.ForAll(
            candidate.ListOf().ToArbitrary(),
            Gen.Choose(0, 400).ToArbitrary(),
            Gen.Elements(EvictionPolicy.Lru, EvictionPolicy.Lfu).ToArbitrary(),
            (list, need, policy) =>
            {
                EvictionCandidate[] all = [.. list.Select((c, i) => c with { Id = i })];
                long total = all.Sum(c => c.SizeBytes);
                int count = EvictionPlanner.Choose(policy, all, need);
                long freed = all.Take(count).Sum(c => c.SizeBytes);
                bool enough = freed >= Math.Min(need, total);
                bool noneInVain = total < need || all.Take(count).All(c => freed - c.SizeBytes < need);
                bool samePeople = all.Select(c => c.Id).Order().SequenceEqual(Enumerable.Range(0, all.Length));
                return enough && noneInVain && samePeople;
            }));
    }

    [Fact]
    public void A_replay_counts_misses_by_hand()
    {
        // Two of three fit. LRU on a loop of three misses always; LFU keeps the one it has seen most.
        int[] loop = [1, 2, 3, 1, 2, 3, 1, 2, 3];
        Assert.Equal(new EvictionReplayResult(9, 9, 90, 7), EvictionReplay.Replay(EvictionPolicy.Lru, loop, _ => 10, 21, 100));
        int[] skewed = [1, 1, 1, 2, 3, 1, 2, 3, 1];
        Assert.Equal(new EvictionReplayResult(9, 5, 50, 3), EvictionReplay.Replay(EvictionPolicy.Lfu, skewed, _ => 10, 21, 100));
        Assert.Equal(4, EvictionReplay.Replay(EvictionPolicy.Lru, [1, 1, 2, 2], id => id == 1 ? 5 : 500, 100, 85).Misses + 1);
    }

    private static int[] Choose(EvictionPolicy policy, EvictionCandidate[] candidates, long bytes)
    {
        EvictionCandidate[] copy = [.. candidates];
        return [.. copy.Take(EvictionPlanner.Choose(policy, copy, bytes)).Select(c => c.Id)];
    }
}
