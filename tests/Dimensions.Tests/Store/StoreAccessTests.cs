using System.Text;
using DimensionStore.Memory;

namespace DimensionStore.Tests.Store;

public sealed class StoreAccessTests
{
    private static readonly DimensionId D01 = new(1);
    private static readonly LayerId D01Layer0 = new(D01, 0);

    [Fact]
    public void A_layer_that_is_not_there_is_named()
    {
        using StoreFolder folder = new();
        folder.Write(1, "joy");
        using MmapManager store = folder.Open();

        Assert.Equal(new LayerId(D01, 3), Assert.Throws<LayerNotFoundException>(() => store.AccessLayer(new LayerId(D01, 3)).Dispose()).Layer);
        Assert.Throws<DimensionNotFoundException>(() => store.AccessLayer(new LayerId(new DimensionId(2), 0)).Dispose());
        Assert.Throws<DimensionNotFoundException>(() => store.AccessLayer(new LayerId(new DimensionId(65_535), 0)).Dispose());
        Assert.Throws<ArgumentException>(() => store.AccessLayer(default).Dispose());
        AssertNoBracket();
    }

    [Fact]
    public void Parts_of_a_layer_are_read_within_its_bounds()
    {
        using StoreFolder folder = new();
        folder.Write(1, "joy");
        using MmapManager store = folder.Open();

        Assert.Equal("joy of D01"u8.ToArray(), store.ReadLayer(D01Layer0));
        Assert.Equal("of"u8.ToArray(), store.ReadLayer(D01Layer0, 4, 2));
        Assert.Equal("D01"u8.ToArray(), store.ReadLayer(D01Layer0, 7));
        Assert.Empty(store.ReadLayer(D01Layer0, 10));
        Assert.Empty(store.ReadLayer(D01Layer0, 10, 0));
        foreach ((long offset, int? size) in new (long, int?)[] { (-1, 1), (11, null), (0, 11), (10, 1), (0, -1), (long.MaxValue, 1), (5, int.MaxValue) })
        {
            var error = Assert.Throws<OutOfBoundsException>(() => store.ReadLayer(D01Layer0, offset, size));
            Assert.Equal(10, error.Length);
        }

        AssertNoBracket();
    }

    [Fact]
    public void What_was_unloaded_is_known_and_not_there()
    {
        using StoreFolder folder = new();
        folder.Write(1, "joy");
        folder.Write(2, "thought");
        using MmapManager store = folder.Open();

        Assert.True(store.UnloadDimension(D01));
        Assert.False(store.UnloadDimension(D01));
        Assert.False(store.UnloadDimension(new DimensionId(3)));
        Assert.Throws<RegionNotFoundException>(() => store.ReadLayer(D01Layer0));
        Assert.Throws<RegionNotFoundException>(() => store.Find(D01, "joy").Dispose());
        Assert.Equal(DimensionState.NotLoaded, store.GetDimensions()[0].State);
        Assert.Empty(store.FindEntries("joy"));
        Assert.Throws<RegionNotFoundException>(() => store.FindEntries("joy", dimensions: [D01]).ToList());
        Assert.Equal(1, store.GetStats().DimensionsLoaded);

        Assert.Equal(DimensionState.Loaded, store.LoadDimension(D01).State);
        Assert.Equal("joy of D01"u8.ToArray(), store.ReadLayer(D01Layer0));
    }

    [Fact]
    public void Unloading_gives_the_budget_back()
    {
        using StoreFolder folder = new();
        folder.WriteBytes(1, 100_000, 1);
        using MmapManager store = folder.Open();
        long page = Environment.SystemPageSize;
        long size = new FileInfo(folder.PathOf(1)).Length;

        Assert.Equal((size + page - 1) / page * page, store.GetStats().TotalAllocatedBytes);
        store.UnloadDimension(D01);
        Assert.Equal(0, store.GetStats().TotalAllocatedBytes);
        Assert.Equal(0, store.GetStats().ActiveRegions);
        Assert.True(store.GetStats().PeakUsageBytes >= size);
    }

    [Fact]
    public void A_reader_keeps_its_bytes_when_its_own_thread_unloads_replaces_or_closes()
    {
        using StoreFolder folder = new();
        folder.WriteBytes(1, 50_000, 1);
        MmapManager store = folder.Open();
        using (LayerAccess first = store.AccessLayer(D01Layer0))
        {
            Assert.True(store.UnloadDimension(D01));
            AssertAll(first.Span, 1);
            Assert.Equal(1, store.GetStats().ParkedRegions);
            Assert.Equal(1, store.GetStats().ActiveRegions);
            Assert.True(store.GetStats().TotalAllocatedBytes >= 50_000);

            folder.WriteBytes(1, 50_000, 2);
            store.LoadDimension(D01);
            using (LayerAccess second = store.AccessLayer(D01Layer0))
            {
                AssertAll(second.Span, 2);
                folder.WriteBytes(1, 50_000, 3);
                store.LoadDimension(D01);
                AssertAll(second.Span, 2);
                using LayerAccess third = store.AccessLayer(D01Layer0);
                AssertAll(third.Span, 3);
            }

            AssertAll(first.Span, 1);
            Assert.Equal(2, store.GetStats().ParkedRegions);
        }

        // The next operation that changes anything gives back what was parked.
        store.LoadDimension(D01);
        Assert.Equal(0, store.GetStats().ParkedRegions);
        Assert.Equal(1, store.GetStats().ActiveRegions);

        using (LayerAccess last = store.AccessLayer(D01Layer0))
        {
            store.Close();
            AssertAll(last.Span, 3);
            Assert.Throws<ObjectDisposedException>(() => store.ReadLayer(D01Layer0));
            AssertAll(last.Span, 3);
            Assert.NotEqual(0, store.Budget.UsedBytes);
        }

        SpinWait.SpinUntil(() => ParkingLot.TryEmpty(TimeSpan.FromSeconds(1)), TimeSpan.FromSeconds(30));
        Assert.Equal(0, store.Budget.UsedBytes);
    }

    [Fact]
    public void A_reader_on_another_thread_that_stays_has_its_region_parked_after_the_time_out()
    {
        using StoreFolder folder = new();
        folder.WriteBytes(1, 50_000, 1);
        using MmapManager store = new(folder.Config with { UnloadTimeout = TimeSpan.FromMilliseconds(5) });
        using ManualResetEventSlim inside = new();
        using ManualResetEventSlim leave = new();
        bool intact = false;
        Thread reader = new(() =>
        {
            using LayerAccess access = store.AccessLayer(D01Layer0);
            inside.Set();
            leave.Wait(TestContext.Current.CancellationToken);
            intact = access.Span.IndexOfAnyExcept((byte)1) < 0;
        });
        reader.Start();
        inside.Wait(TestContext.Current.CancellationToken);

        Assert.True(store.UnloadDimension(D01));
        Assert.Equal(1, store.GetStats().ParkedRegions);
        Assert.Throws<RegionNotFoundException>(() => store.ReadLayer(D01Layer0));

        leave.Set();
        reader.Join();
        Assert.True(intact);
        Assert.False(store.UnloadDimension(new DimensionId(2)));
        Assert.Equal(0, store.GetStats().ParkedRegions);
        Assert.Equal(0, store.GetStats().TotalAllocatedBytes);
    }

    [Fact]
    public void Replacing_by_rename_gives_the_new_bytes_at_the_next_load()
    {
        using StoreFolder folder = new();
        folder.WriteBytes(1, 10_000, 1);
        using MmapManager store = folder.Open();

        folder.WriteBytes(1, 20_000, 2);
        AssertAll(store.ReadLayer(D01Layer0), 1);
        DimensionStatus status = store.LoadDimension(D01);
        AssertAll(store.ReadLayer(D01Layer0), 2);
        Assert.Equal(new FileInfo(folder.PathOf(1)).Length, status.SizeBytes);
        Assert.Equal(1, store.GetStats().ActiveRegions);
    }

    [Fact]
    public void Replacing_by_a_broken_file_keeps_what_was_loaded()
    {
        using StoreFolder folder = new();
        folder.WriteBytes(1, 10_000, 1);
        using MmapManager store = folder.Open();

        string broken = Path.Combine(folder.FullPath, "broken");
        File.WriteAllBytes(broken, new byte[1000]);
        Assert.Throws<DimensionFormatException>(() => store.LoadDimension(D01, broken));
        Assert.ThrowsAny<IOException>(() => store.LoadDimension(D01, broken + "-missing"));
        File.Move(broken, folder.PathOf(1), overwrite: true);
        Assert.Throws<DimensionFormatException>(() => store.LoadDimension(D01));
        AssertAll(store.ReadLayer(D01Layer0), 1);
        Assert.Equal(DimensionState.Loaded, store.GetDimensions()[0].State);
    }

    [Fact]
    public void A_file_that_turns_up_ends_the_simulation_and_one_that_vanishes_starts_it()
    {
        using StoreFolder folder = new();
        using MmapManager store = new(folder.Config with { Simulate = true });
        byte[] simulated = store.ReadLayer(D01Layer0);

        folder.WriteBytes(1, 1000, 7);
        Assert.Equal(DimensionState.Loaded, store.LoadDimension(D01).State);
        AssertAll(store.ReadLayer(D01Layer0), 7);

        File.Delete(folder.PathOf(1));
        AssertAll(store.ReadLayer(D01Layer0), 7);
        Assert.Equal(DimensionState.Simulated, store.LoadDimension(D01).State);
        Assert.Equal(simulated, store.ReadLayer(D01Layer0));

        File.WriteAllBytes(folder.PathOf(1), new byte[10]);
        Assert.Throws<DimensionFormatException>(() => store.LoadDimension(D01));
        Assert.Throws<DimensionFormatException>(() => store.ReadLayer(D01Layer0));
        Assert.Equal(DimensionState.Failed, store.GetDimensions()[0].State);
    }

    [Fact]
    public void A_simulated_dimension_unloads_like_any_other_unless_it_is_immutable()
    {
        using StoreFolder folder = new();
        using MmapManager store = new(folder.Config with { Simulate = true });

        Assert.True(store.UnloadDimension(D01));
        Assert.Throws<RegionNotFoundException>(() => store.ReadLayer(D01Layer0));
        Assert.Equal(DimensionState.Simulated, store.LoadDimension(D01).State);
        Assert.NotEmpty(store.ReadLayer(D01Layer0));
        Assert.Throws<ImmutableDimensionException>(() => store.UnloadDimension(new DimensionId(9)));
    }

    [Theory]
    [InlineData(LayerCodec.Brotli, 3_000)]
    [InlineData(LayerCodec.ZLib, 3_000)]
    [InlineData(LayerCodec.Brotli, 3_000_000)]
    [InlineData(LayerCodec.ZLib, 3_000_000)]
    [InlineData(LayerCodec.Brotli, 0)]
    public void Compressed_layers_are_decompressed_once_and_count(LayerCodec codec, int length)
    {
        using StoreFolder folder = new();
        StoreFolder.WriteBytes(1, folder.PathOf(1), length, 5, codec);
        using MmapManager store = folder.Open();
        long before = store.GetStats().TotalAllocatedBytes;

        using (LayerAccess access = store.AccessLayer(D01Layer0))
        {
            Assert.Equal(length, access.Span.Length);
            AssertAll(access.Span, 5);
        }

        long after = store.GetStats().TotalAllocatedBytes;
        Assert.True(after >= before + length);
        using (EntryAccess entries = store.Find(D01, "BYTES"))
        {
            Assert.Equal(1, entries.Count);
            AssertAll(entries.ContentOf(0), 5);
            Assert.Equal(length, entries.ContentOf(0).Length);
        }

        Assert.Equal(after, store.GetStats().TotalAllocatedBytes);
        Assert.True(store.UnloadDimension(D01));
        Assert.Equal(0, store.GetStats().PoolLiveBlocks);
        Assert.Equal(store.GetStats().PoolCommittedBytes, store.GetStats().TotalAllocatedBytes);
    }

    [Fact]
    public void A_search_decompresses_what_it_needs()
    {
        using StoreFolder folder = new();
        StoreFolder.WriteEntries(1, folder.PathOf(1), [(0, "alpha", new string('a', 500)), (1, "alpine", new string('b', 500)), (2, "beta", new string('c', 500))], LayerCodec.ZLib);
        using MmapManager store = folder.Open();

        Assert.Equal([new string('a', 500), new string('b', 500)], store.FindEntries("alp", KeywordMatch.Prefix).Select(e => e.Text));
        Assert.Equal(2 + 1, store.FindEntries("*", KeywordMatch.Wildcard).Count());
        using EntryAccess access = store.Find(D01, "beta");
        Assert.Equal(new string('c', 500), Encoding.UTF8.GetString(access.ContentOf(0)));
    }

    [Fact]
    public void Damaged_compressed_content_is_a_typed_error_and_leaves_nothing_charged()
    {
        using StoreFolder folder = new();
        StoreFolder.WriteEntries(1, folder.PathOf(1), [(0, "k", string.Concat(Enumerable.Range(0, 5000)))], LayerCodec.ZLib);
        byte[] bytes = File.ReadAllBytes(folder.PathOf(1));
        LayerDescriptor layer = DimensionFile.ReadDescriptor(folder.PathOf(1)).Layers[0];
        bytes.AsSpan((int)layer.ContentOffset + 20, 40).Clear();
        File.WriteAllBytes(folder.PathOf(1), bytes);
        using MmapManager store = folder.Open();
        long before = store.GetStats().TotalAllocatedBytes - store.GetStats().PoolCommittedBytes;

        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(DimensionFormatError.LayerChecksum, Assert.Throws<DimensionFormatException>(() => store.AccessLayer(D01Layer0).Dispose()).Error);
            Assert.Throws<DimensionFormatException>(() => store.Find(D01, "k").Dispose());
        }

        Assert.Equal(before, store.GetStats().TotalAllocatedBytes - store.GetStats().PoolCommittedBytes);
        Assert.Equal(0, store.GetStats().PoolLiveBlocks);
        AssertNoBracket();
    }

    [Theory]
    [InlineData(999)]
    [InlineData(1001)]
    public void Compressed_content_of_another_size_than_declared_is_refused(int declared)
    {
        byte[] content = new byte[1000];
        foreach (LayerCodec codec in new[] { LayerCodec.Brotli, LayerCodec.ZLib })
        {
            using StoreFolder folder = new();
            StoreFolder.WriteBytes(1, folder.PathOf(1), content.Length, 1, codec);
            byte[] file = File.ReadAllBytes(folder.PathOf(1));
            LayerDescriptor layer = DimensionFile.ReadDescriptor(folder.PathOf(1)).Layers[0];
            ReadOnlySpan<byte> stored = file.AsSpan((int)layer.ContentOffset, (int)layer.ContentSize);

            LayerDecompressor.Decompress(layer, stored, content, null);
            AssertAll(content, 1);
            byte[] stream = stored.ToArray();
            Assert.Equal(DimensionFormatError.BadCompressedContent, Assert.Throws<DimensionFormatException>(() => LayerDecompressor.Decompress(layer, stream, new byte[declared], null)).Error);
            Assert.Throws<DimensionFormatException>(() => LayerDecompressor.Decompress(layer, stream.AsSpan(0, stream.Length / 2), new byte[1000], null));
            Assert.Throws<DimensionFormatException>(() => LayerDecompressor.Decompress(layer, [], new byte[1000], null));
        }
    }

    [Fact]
    public void Access_and_lookup_allocate_nothing()
    {
        using StoreFolder folder = new();
        folder.Write(1, "joy", "grief");
        StoreFolder.WriteEntries(2, folder.PathOf(2), [(0, "plain", "text")], plain: true);
        using MmapManager store = folder.Open();
        long sum = Work(store);

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 2000; i++)
        {
            sum += Work(store);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.True(sum > 0);

        static long Work(MmapManager store)
        {
            using LayerAccess layer = store.AccessLayer(D01Layer0);
            using EntryAccess entries = store.Find(D01, "GRIEF");
            using EntryAccess none = store.Find(D01, "nothing of the kind");
            using EntryAccess plain = store.Find(new DimensionId(2), "Plain");
            return layer.Span.Length + entries.ContentOf(0).Length + none.Count + plain.ContentOf(0).Length + store.GetStats().AccessCount;
        }
    }

    [Fact]
    public void A_forgotten_store_is_not_unmapped_under_a_reader()
    {
        using StoreFolder folder = new();
        folder.WriteBytes(1, 100_000, 9);
        using LayerAccess access = folder.Open().AccessLayer(D01Layer0);
        for (int i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        AssertAll(access.Span, 9);
    }

    private static void AssertAll(ReadOnlySpan<byte> bytes, byte value) => Assert.Equal(-1, bytes.IndexOfAnyExcept(value));

    // A drain on a thread that holds a bracket answers false at once; other tests end theirs.
    private static void AssertNoBracket() => Assert.True(ReaderRegistry.TryDrain(TimeSpan.FromSeconds(30)));
}
