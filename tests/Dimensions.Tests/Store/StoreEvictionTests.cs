using DimensionStore.Memory;

namespace DimensionStore.Tests.Store;

public sealed class StoreEvictionTests
{
    private const int MiB = 1 << 20;

    [Theory]
    [InlineData(EvictionPolicy.Lru, 2)]
    [InlineData(EvictionPolicy.Lfu, 1)]
    public void A_load_that_reaches_the_threshold_evicts_by_policy(EvictionPolicy policy, int victim)
    {
        using StoreFolder folder = new();
        using MmapManager store = Filled(folder, policy);
        for (int i = 0; i < 5; i++)
        {
            Touch(store, 2);
        }

        Touch(store, 3);
        Touch(store, 3);
        Touch(store, 1);

        store.LoadDimension(new DimensionId(6));

        Assert.Equal([victim], NotLoaded(store));
        Assert.Equal(1, store.GetStats().EvictionCount);
        Assert.True(store.GetStats().UsagePercent < 85);
        Assert.Throws<RegionNotFoundException>(() => Touch(store, victim));
    }

    [Fact]
    public void What_was_evicted_is_loaded_again_by_a_search_a_path_or_a_request()
    {
        using StoreFolder folder = new();
        using MmapManager store = Filled(folder, EvictionPolicy.Lru);
        Touch(store, 2);
        Touch(store, 3);
        store.LoadDimension(new DimensionId(6));
        Assert.Equal([1], NotLoaded(store));

        Assert.Equal([1, 2, 3, 6], store.FindEntries("bytes").Select(e => e.Dimension.Value));
        int[] out1 = NotLoaded(store);
        Assert.Single(out1);
        NavigationContexts contexts = store.LoadContexts(new NavigationPath([new LayerId(new DimensionId(out1[0]), 0)]));
        Assert.Equal(out1[0], contexts.Contexts.Single().Content.Span[0]);
        int[] out2 = NotLoaded(store);
        Assert.NotEqual(out1, out2);
        Assert.Equal(DimensionState.Loaded, store.LoadDimension(new DimensionId(out2[0])).State);
    }

    [Fact]
    public void What_cannot_fit_is_refused_and_nothing_changes()
    {
        using StoreFolder folder = new();
        using MmapManager store = Filled(folder, EvictionPolicy.Lru, megabytes: 14);
        using LayerAccess access = store.AccessLayer(new LayerId(new DimensionId(1), 0));
        MemoryStats before = store.GetStats();
        folder.WriteBytes(2, 15 * MiB, 2);

        var error = Assert.Throws<LimitExceededException>(() => store.LoadDimension(new DimensionId(2)));

        Assert.Equal("memory budget", error.LimitName);
        Assert.Equal(before.TotalAllocatedBytes, store.GetStats().TotalAllocatedBytes);
        Assert.Equal(before.DimensionsLoaded, store.GetStats().DimensionsLoaded);
        Assert.Equal(0, store.GetStats().EvictionCount);
        Touch(store, 2);
    }

    [Fact]
    public void A_reader_that_stays_keeps_its_dimension_from_being_evicted()
    {
        using StoreFolder folder = new();
        using MmapManager store = Filled(folder, EvictionPolicy.Lru, timeout: TimeSpan.FromMilliseconds(5));
        using (LayerAccess access = store.AccessLayer(new LayerId(new DimensionId(1), 0)))
        {
            // 9 + 3 of 13 fit, so the load goes on without the eviction that it asked for.
            store.LoadDimension(new DimensionId(6));
            Assert.Empty(NotLoaded(store));
            Assert.Equal(0, store.GetStats().EvictionCount);
            Assert.Equal(-1, access.Span.IndexOfAnyExcept((byte)1));

            // And 3 more do not.
            var error = Assert.Throws<LimitExceededException>(() => store.LoadDimension(new DimensionId(7)));
            Assert.Contains("end their accesses", error.Message, StringComparison.Ordinal);
            Assert.Empty(NotLoaded(store));
            Touch(store, 1);
        }

        store.LoadDimension(new DimensionId(7));
        Assert.NotEmpty(NotLoaded(store));
    }

    [Fact]
    public void Immutable_and_simulated_dimensions_are_not_evicted()
    {
        using StoreFolder folder = new();
        folder.WriteBytes(9, 6 * MiB, 9);
        folder.WriteBytes(1, 4 * MiB, 1);
        using MmapManager store = new(folder.Config with { TotalMemoryMb = 13, Simulate = true });
        Touch(store, 2);
        folder.WriteBytes(3, 6 * MiB, 3);
        Touch(store, 1);

        store.LoadDimension(new DimensionId(3));

        Assert.Equal([1], NotLoaded(store));
        Touch(store, 9);
        Touch(store, 2);
        Assert.Throws<LimitExceededException>(() =>
        {
            folder.WriteBytes(6, 8 * MiB, 6);
            store.LoadDimension(new DimensionId(6));
        });
    }

    [Fact]
    public void Opening_more_than_fits_leaves_the_rest_to_be_loaded_on_demand()
    {
        using StoreFolder folder = new();
        foreach (int id in new[] { 1, 2, 3, 9 })
        {
            folder.WriteBytes(id, 3 * MiB, (byte)id);
        }

        using MmapManager store = new(folder.Config with { TotalMemoryMb = 10 });

        Assert.Equal([2, 3], NotLoaded(store).Order().Skip(0).Take(2));
        Assert.Equal(0, store.GetStats().EvictionCount);
        Assert.True(store.GetStats().UsagePercent < 85);
        Assert.All(store.GetDimensions(), d => Assert.NotNull(d.Descriptor));
        Assert.Equal([1, 2, 3, 9], store.FindEntries("bytes").Select(e => e.Dimension.Value));
    }

    [Fact]
    public void An_immutable_dimension_that_does_not_fit_is_an_error()
    {
        using StoreFolder folder = new();
        folder.WriteBytes(9, 3 * MiB, 9);
        using MmapManager store = new(folder.Config with { TotalMemoryMb = 2 });

        Assert.IsType<LimitExceededException>(store.GetDimensions()[0].Error);
    }

    [Fact]
    public void Pressure_is_announced_at_each_threshold_after_the_operation_and_may_call_back()
    {
        using StoreFolder folder = new();
        foreach (int id in new[] { 1, 2, 3 })
        {
            folder.WriteBytes(id, 3 * MiB, (byte)id);
        }

        using MmapManager store = new(folder.Config with { TotalMemoryMb = 12 });
        Assert.Equal([], NotLoaded(store));
        List<(PressureLevel, PressureLevel, int)> seen = [];
        store.PressureChanged += (_, e) =>
        {
            int loaded = store.GetStats().DimensionsLoaded;
            seen.Add((e.Previous, e.Current, loaded));
            store.UnloadDimension(new DimensionId(3));
        };

        store.UnloadDimension(new DimensionId(1));
        store.LoadDimension(new DimensionId(1));

        // 9 of 12 is 75 %. Out: warning ends. The handler unloads D03, so that loading D01 again crosses nothing.
        Assert.Equal((PressureLevel.Warning, PressureLevel.Normal, 2), seen[0]);
        Assert.Equal([3], NotLoaded(store));
    }

    [Fact]
    public void A_replacement_that_does_not_fit_beside_the_old_region_takes_its_place()
    {
        using StoreFolder folder = new();
        folder.WriteBytes(1, 6 * MiB, 1);
        using MmapManager store = new(folder.Config with { TotalMemoryMb = 10 });
        folder.WriteBytes(1, 7 * MiB, 2);

        store.LoadDimension(new DimensionId(1));

        Assert.Equal(2, store.ReadLayer(new LayerId(new DimensionId(1), 0), 0, 1)[0]);
        Assert.Equal(1, store.GetStats().ActiveRegions);
    }

    private static MmapManager Filled(StoreFolder folder, EvictionPolicy policy, int megabytes = 13, TimeSpan? timeout = null)
    {
        foreach (int id in new[] { 1, 2, 3 })
        {
            folder.WriteBytes(id, 3 * MiB - 4096, (byte)id);
        }

        MmapManager store = new(folder.Config with { TotalMemoryMb = megabytes, Eviction = policy, UnloadTimeout = timeout ?? folder.Config.UnloadTimeout });
        Assert.Empty(NotLoaded(store));
        foreach (int id in new[] { 6, 7 })
        {
            folder.WriteBytes(id, 3 * MiB - 4096, (byte)id);
        }

        return store;
    }

    private static void Touch(MmapManager store, int id) => store.ReadLayer(new LayerId(new DimensionId(id), 0), 0, 1);

    private static int[] NotLoaded(MmapManager store) => [.. store.GetDimensions().Where(d => d.State == DimensionState.NotLoaded).Select(d => d.Id.Value)];
}
