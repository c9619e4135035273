using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Allocators;

public sealed class DualPoolPlanTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void Sixty_percent_are_shared_twenty_to_eighty()
    {
        DualPoolPlan plan = DualPoolPlan.From(100 * MiB);
        Assert.InRange(plan.SmallCount, 0.998 * 12 * MiB / 128, 12 * MiB / 128);
        Assert.Equal(48 * MiB / 16384, plan.BigCount);
    }

    [Fact]
    public void A_profile_decides_the_counts_so_that_its_peaks_fill_ninety_percent()
    {
        DualPoolProfile profile = new() { SmallPeakUsage = 9_000, BigPeakUsage = 90 };
        DualPoolPlan plan = DualPoolPlan.From(100 * MiB, profile);
        Assert.Equal((10_000, 100), (plan.SmallCount, plan.BigCount));

        using DualPoolAllocator pool = new(plan);
        for (int i = 0; i < 9_000; i++)
        {
            pool.Allocate(100);
        }

        for (int i = 0; i < 90; i++)
        {
            pool.Allocate(1_000);
        }

        Assert.All(pool.GetPools(), usage => Assert.InRange(usage.PeakUtilization, 0.9, 0.91));
    }

    [Fact]
    public void A_profile_with_failures_or_more_than_there_is_shares_all_of_it_by_its_peaks()
    {
        // 1 MiB of small objects to 3 of big blocks.
        DualPoolProfile profile = new() { SmallPeakUsage = 8_192, BigPeakUsage = 192, AllocationFailures = 1 };
        DualPoolPlan plan = DualPoolPlan.From(100 * MiB, profile);
        Assert.InRange(plan.SmallCount, 0.998 * 15 * MiB / 128, 15 * MiB / 128);
        Assert.Equal(45 * MiB / 16384, plan.BigCount);
        Assert.InRange(DualPoolPlan.From(MiB, profile with { AllocationFailures = 0 }).BigCount, 27, 29);
        Assert.Equal(DualPoolPlan.From(MiB), DualPoolPlan.From(MiB, new DualPoolProfile()));
        Assert.True(DualPoolPlan.From(MiB, profile with { BigPeakUsage = 0 }).BigCount >= 1);
        Assert.True(DualPoolPlan.From(MiB, profile with { SmallPeakUsage = 0 }).SmallCount >= 1);
    }

    [Fact]
    public void A_plan_never_takes_more_than_its_share()
        => Check.One(Config.QuickThrowOnFailure, Prop.ForAll(
            Gen.Choose(110_000, int.MaxValue).ToArbitrary(),
            Gen.Choose(0, 2_000_000).ToArbitrary(),
            Gen.Choose(0, 100_000).ToArbitrary(),
            (available, small, big) =>
            {
                DualPoolPlan plan = DualPoolPlan.From(available, new DualPoolProfile { SmallPeakUsage = small, BigPeakUsage = big });
                Assert.True(plan.SmallCount >= 1 && plan.BigCount >= 1);
                Assert.True(plan.ObjectBytes <= 0.6 * available);
            }));

    [Fact]
    public void Wrong_plans_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => DualPoolPlan.From(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => DualPoolPlan.From(100_000));
        Assert.Throws<ArgumentOutOfRangeException>(() => DualPoolPlan.From(MiB, poolShare: double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => DualPoolPlan.From(MiB, poolShare: 1.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DualPoolPlan(0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new DualPoolPlan(1, DualPoolPlan.MaxBigCount + 1));
        Assert.Equal(DualPoolPlan.MaxBigCount, DualPoolPlan.From(long.MaxValue).BigCount);
    }

    [Fact]
    public void A_recorded_profile_comes_back_as_it_was()
    {
        using DualPoolAllocator pool = new(DualPoolPlan.Classic);
        nint kept = pool.Allocate(10);
        pool.Free(pool.Allocate(100));
        pool.Free(pool.Allocate(50_000));
        Assert.False(pool.TryAllocate(500_000, out _));
        DualPoolProfile profile = pool.GetProfile();
        Assert.Equal(
            new DualPoolProfile { SmallAllocations = 2, BigAllocations = 1, SmallFrees = 1, BigFrees = 1, SmallPeakUsage = 2, BigPeakUsage = 4, AllocationFailures = 1 },
            profile);
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            profile.Save(path);
            profile.Save(path);
            Assert.Equal(profile, DualPoolProfile.Load(path));
        }
        finally
        {
            File.Delete(path);
        }

        pool.Free(kept);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("{\"small_allocs\":1}")]
    [InlineData("{\"\\ud800\":1}")]
    [InlineData("{\"small_allocs\":1,\"small_allocs\":1,\"big_allocs\":0,\"small_frees\":0,\"big_frees\":0,\"small_peak_usage\":0,\"big_peak_usage\":0,\"allocation_failures\":0,\"fragmentation_events\":0}")]
    [InlineData("{\"small_allocs\":-1,\"big_allocs\":0,\"small_frees\":0,\"big_frees\":0,\"small_peak_usage\":0,\"big_peak_usage\":0,\"allocation_failures\":0,\"fragmentation_events\":0}")]
    [InlineData("{\"small_allocs\":1.5,\"big_allocs\":0,\"small_frees\":0,\"big_frees\":0,\"small_peak_usage\":0,\"big_peak_usage\":0,\"allocation_failures\":0,\"fragmentation_events\":0}")]
    [InlineData("{\"small_allocs\":99999999999999999999,\"big_allocs\":0,\"small_frees\":0,\"big_frees\":0,\"small_peak_usage\":0,\"big_peak_usage\":0,\"allocation_failures\":0,\"fragmentation_events\":0}")]
    public void What_is_no_profile_is_refused(string json)
        => Assert.Throws<InvalidProfileException>(() => DualPoolProfile.Parse(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Any_bytes_are_a_profile_or_a_typed_error()
    {
        byte[] valid = Encoding.UTF8.GetBytes(new DualPoolProfile { SmallPeakUsage = 7 }.ToJson());
        Assert.Equal(7, DualPoolProfile.Parse(valid).SmallPeakUsage);
        Random random = new(11);
        int refused = 0;
        for (int i = 0; i < 20_000; i++)
        {
            byte[] damaged = [.. valid];
            for (int change = random.Next(4); change >= 0; change--)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            try
            {
                DualPoolPlan.From(MiB, DualPoolProfile.Parse(damaged));
            }
            catch (InvalidProfileException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 10_000, 19_999);
    }
}
