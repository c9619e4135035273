using System.Text;
using DimensionStore.Memory;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Tests.Store;

public sealed class ProtoDimensionTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public void What_was_collected_becomes_a_dimension_and_the_pool_is_empty_again()
    {
        using StoreFolder folder = new();
        using MmapManager store = folder.Open();
        ProtoDimension proto = store.CreateProtoDimension("Garden");
        proto.Add(0, ["Rose", "Flower"], "red"u8);
        proto.Add(2, [], default);
        proto.Add(0, ["tulip", "flower"], "yellow"u8);
        proto.ConfigureLayer(0, new LayerSettings { Frequency = 432.5f, Depth = 7 });
        proto.ConfigureLayer(3, new LayerSettings { Frequency = 1 });
        Assert.Equal(3, proto.EntryCount);
        Assert.True(proto.PoolBytes > 0);
        Assert.True(store.GetStats().PoolLiveBlocks > 0);

        DimensionStatus status = store.Crystallize(proto);

        Assert.Equal((15, "Garden", DimensionState.Loaded), (status.Id.Value, status.Name, status.State));
        Assert.Equal(folder.PathOf(15), status.FilePath);
        Assert.Equal([0, 2, 3], status.Descriptor!.Layers.Select(l => l.Layer));
        Assert.Equal((432.5f, (byte)7), (status.Descriptor.Layers[0].Frequency, status.Descriptor.Layers[0].Depth));
        Assert.Equal(["red", "yellow"], store.FindEntries("FLOWER").Select(e => e.Text));
        Assert.Equal(["red"], store.FindEntries("rose").Select(e => e.Text));
        Assert.True(DimensionFile.Verify(folder.PathOf(15), TestContext.Current.CancellationToken).IsValid);
        Assert.Equal(0, store.GetStats().PoolLiveBlocks);
        Assert.Equal(0, proto.PoolBytes);
        Assert.Equal(store.GetStats().PoolCommittedBytes + ((status.SizeBytes + 4095) / 4096 * 4096), store.GetStats().TotalAllocatedBytes);
        Assert.Throws<ObjectDisposedException>(() => proto.Add(0, [], "x"u8));
        Assert.Throws<ObjectDisposedException>(() => store.Crystallize(proto));

        using MmapManager again = folder.Open();
        Assert.Equal("Garden", again.GetDimensions().Single().Name);
    }

    [Fact]
    public void Entries_of_any_size_come_back_whole_whatever_blocks_they_cross()
    {
        Gen<(int Layer, int Size, int Keywords)> entry =
            from layer in Gen.Choose(0, 3)
            from size in Gen.Frequency((6, Gen.Choose(0, 300)), (3, Gen.Choose(3_000, 9_000)), (1, Gen.Choose(60_000, 700_000)))
            from keywords in Gen.Choose(0, 3)
            select (layer, size, keywords);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(15), Prop.ForAll(entry.NonEmptyListOf().ToArbitrary(), entries =>
        {
            using StoreFolder folder = new();
            using MmapManager store = folder.Open();
            using ProtoDimension proto = store.CreateProtoDimension("Any");
            List<byte>[] expected = [[], [], [], []];
            int number = 0;
            foreach ((int layer, int size, int keywords) in entries)
            {
                byte[] content = new byte[size];
                new Random(number).NextBytes(content);
                proto.Add(layer, [.. Enumerable.Range(0, keywords).Select(k => $"k{number}-{k}")], content);
                expected[layer].AddRange(content);
                number++;
            }

            DimensionStatus status = store.Crystallize(proto);
            return status.Descriptor!.Layers.All(l => store.ReadLayer(new LayerId(status.Id, l.Layer)).AsSpan().SequenceEqual(expected[l.Layer].ToArray()))
                && store.GetStats().PoolLiveBlocks == 0;
        }));
    }

    [Fact]
    public void Numbers_are_taken_in_order_within_their_partition()
    {
        using StoreFolder folder = new();
        folder.Write(15, "there");
        File.WriteAllBytes(folder.PathOf(16), [1]);
        using MmapManager store = folder.Open();

        Assert.Equal(17, store.Crystallize(Proto(store)).Id.Value);
        Assert.Equal(18, store.Crystallize(Proto(store)).Id.Value);
        Assert.Equal(1000, store.Crystallize(Proto(store, user: true)).Id.Value);
        Assert.Equal(40, store.Crystallize(Proto(store), new DimensionId(40)).Id.Value);
        Assert.Equal(65_535, store.Crystallize(Proto(store, user: true), new DimensionId(65_535)).Id.Value);
        Assert.Equal("v"u8.ToArray(), store.ReadLayer(new LayerId(new DimensionId(65_535), 0)));
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(9, false)]
    [InlineData(14, false)]
    [InlineData(1000, false)]
    [InlineData(15, true)]
    [InlineData(999, true)]
    public void A_number_of_another_partition_is_refused_and_the_proto_stays(int id, bool user)
    {
        using StoreFolder folder = new();
        using MmapManager store = folder.Open();
        ProtoDimension proto = Proto(store, user);

        Assert.Throws<ArgumentOutOfRangeException>(() => store.Crystallize(proto, new DimensionId(id)));

        Assert.Equal(1, proto.EntryCount);
        Assert.Empty(Directory.GetFiles(folder.FullPath));
        Assert.NotNull(store.Crystallize(proto));
    }

    [Fact]
    public void What_is_there_already_is_kept()
    {
        using StoreFolder folder = new();
        folder.Write(20, "there");
        byte[] before = File.ReadAllBytes(folder.PathOf(20));
        string elsewhere = StoreFolder.Write(21, Path.Combine(folder.FullPath, "elsewhere"), "k");
        using MmapManager store = folder.Open();
        store.LoadDimension(new DimensionId(21), elsewhere);
        using ProtoDimension proto = Proto(store);

        Assert.Equal(folder.PathOf(20), Assert.Throws<DimensionFileExistsException>(() => store.Crystallize(proto, new DimensionId(20))).FilePath);
        Assert.Equal(elsewhere, Assert.Throws<DimensionFileExistsException>(() => store.Crystallize(proto, new DimensionId(21))).FilePath);

        Assert.Equal(before, File.ReadAllBytes(folder.PathOf(20)));
        Assert.Equal(1, proto.EntryCount);
    }

    [Fact]
    public void An_empty_proto_and_one_of_another_store_are_refused()
    {
        using StoreFolder folder = new();
        using MmapManager store = folder.Open();
        using MmapManager other = folder.Open();
        using ProtoDimension empty = store.CreateProtoDimension("Empty");
        using ProtoDimension foreign = Proto(other);

        Assert.Throws<InvalidEntryException>(() => store.Crystallize(empty));
        Assert.Throws<ArgumentException>(() => store.Crystallize(foreign));
        Assert.Empty(Directory.GetFiles(folder.FullPath));
    }

    [Fact]
    public void Bad_input_adds_nothing()
    {
        using StoreFolder folder = new();
        using MmapManager store = folder.Open();
        using ProtoDimension proto = store.CreateProtoDimension("P");

        Assert.Throws<ArgumentOutOfRangeException>(() => proto.Add(4, [], "x"u8));
        Assert.Throws<ArgumentOutOfRangeException>(() => proto.Add(-1, [], "x"u8));
        foreach (string? keyword in new[] { "", "a\0b", "\udc00", new string('x', 1025), null })
        {
            Assert.Throws<InvalidEntryException>(() => proto.Add(0, ["fine", keyword!], "x"u8));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => proto.ConfigureLayer(0, new LayerSettings { Frequency = float.NaN }));
        Assert.Throws<ArgumentOutOfRangeException>(() => proto.ConfigureLayer(0, new LayerSettings { Frequency = -1 }));
        Assert.Equal(0, proto.EntryCount);
        Assert.Equal(0, proto.PoolBytes);
        Assert.Throws<ArgumentException>(() => store.CreateProtoDimension(""));
        Assert.Throws<ArgumentException>(() => store.CreateProtoDimension(new string('ä', 33)));
    }

    [Theory]
    [InlineData(1 << 20)]
    [InlineData(10)]
    public void What_was_collected_until_the_partition_was_full_can_be_crystallized(int entryBytes)
    {
        using StoreFolder folder = new();
        using MmapManager store = folder.Open();
        ProtoDimension proto = store.CreateProtoDimension("Full", userSpecific: true);
        byte[] content = new byte[entryBytes];
        byte[] nearly = new byte[29 << 20];
        int entries = 1;
        proto.Add(3, ["nearly"], nearly);
        LimitExceededException? refusal = null;
        while (refusal is null)
        {
            // No keyword twice, and none that is written as it is folded: the most index that entries can ask for.
            string keyword = $"Keyword Number {entries}, {(entries * 7919L) % 1_000_003}";
            refusal = Record.Exception(() => proto.Add(entries & 3, [keyword, keyword + "B"], content)) as LimitExceededException;
            entries += refusal is null ? 1 : 0;
        }

        Assert.Equal("user partition", refusal.LimitName);
        Assert.Equal(entries, proto.EntryCount);
        DimensionStatus made = store.Crystallize(proto);
        Assert.Equal(DimensionState.Loaded, made.State);
        Assert.InRange(made.SizeBytes, 31L << 20, 32L << 20);
    }

    [Fact]
    public void The_reserve_and_the_user_partition_have_ends()
    {
        using StoreFolder folder = new();
        foreach (int id in new[] { 20, 21, 22 })
        {
            folder.WriteBytes(id, 26 * MiB, 1);
        }

        folder.WriteBytes(1000, 31 * MiB, 1);
        using MmapManager store = new(folder.Config with { TotalMemoryMb = 400 });
        Assert.All(store.GetDimensions(), d => Assert.Equal(DimensionState.Loaded, d.State));
        byte[] large = new byte[3 * MiB];
        using ProtoDimension proto = store.CreateProtoDimension("Large");
        proto.Add(0, ["large"], large);
        using ProtoDimension user = store.CreateProtoDimension("User", userSpecific: true);
        user.Add(0, ["user"], large);

        var error = Assert.Throws<LimitExceededException>(() => store.Crystallize(proto));
        Assert.Contains("reserve partition", error.LimitName, StringComparison.Ordinal);
        Assert.Contains("user partition", Assert.Throws<LimitExceededException>(() => store.Crystallize(user)).LimitName, StringComparison.Ordinal);
        Assert.Equal(4, Directory.GetFiles(folder.FullPath).Length);
        Assert.Throws<LimitExceededException>(() => user.Add(0, [], new byte[30 * MiB]));
        Assert.Equal(1, user.EntryCount);

        // A third file that goes over the partition is refused at open, and its place is nobody's.
        folder.WriteBytes(23, 3 * MiB, 1);
        using MmapManager again = new(folder.Config with { TotalMemoryMb = 400 });
        Assert.IsType<LimitExceededException>(again.GetDimensions().Single(d => d.Id.Value == 23).Error);

        File.Delete(folder.PathOf(22));
        store.UnloadDimension(new DimensionId(22));
        Assert.Throws<DimensionNotFoundException>(() => store.LoadDimension(new DimensionId(22)));
        Assert.Equal(15, store.Crystallize(proto).Id.Value);
    }

    [Fact]
    public void A_failed_write_leaves_the_proto_as_it_was()
    {
        using StoreFolder folder = new();
        string inTheWay = Path.Combine(folder.FullPath, "store");
        using MmapManager store = new(folder.Config with { BasePath = inTheWay });
        using ProtoDimension proto = Proto(store);
        File.WriteAllText(inTheWay, "a file where the directory should be made");

        Assert.ThrowsAny<IOException>(() => store.Crystallize(proto));
        File.Delete(inTheWay);

        Assert.Equal(1, proto.EntryCount);
        Assert.Equal(15, store.Crystallize(proto).Id.Value);
    }

    [Fact]
    public void Collecting_evicts_dimensions_for_pool_memory()
    {
        using StoreFolder folder = new();
        foreach (int id in new[] { 1, 2, 3 })
        {
            folder.WriteBytes(id, 5 * MiB, (byte)id);
        }

        using MmapManager store = new(folder.Config with { TotalMemoryMb = 20 });
        Assert.Equal(3, store.GetStats().DimensionsLoaded);
        using ProtoDimension proto = store.CreateProtoDimension("Large");
        byte[] chunk = new byte[500_000];
        for (int i = 0; i < 16; i++)
        {
            proto.Add(0, [], chunk);
        }

        Assert.True(store.GetStats().EvictionCount > 0);
        Assert.True(store.GetStats().TotalAllocatedBytes <= store.Budget.LimitBytes);
        Assert.Equal(16, proto.EntryCount);
    }

    [Fact]
    public void A_full_pool_refuses_an_entry_and_keeps_the_others()
    {
        using StoreFolder folder = new();
        using MmapManager store = new(folder.Config with { PoolConfigs = [new PoolConfig(4096, 64 << 10)] });
        using ProtoDimension proto = store.CreateProtoDimension("Full");
        byte[] chunk = new byte[10_000];
        int added = 0;
        Exception? error = null;
        while (error is null && added < 100)
        {
            error = Record.Exception(() => proto.Add(0, ["k"], chunk));
            added += error is null ? 1 : 0;
        }

        Assert.IsAssignableFrom<MemoryToolkitException>(error);
        Assert.Equal(added, proto.EntryCount);
        Assert.InRange(added, 4, 6);
        Assert.Equal(added * 10_000, store.Crystallize(proto).Descriptor!.Layers[0].ContentSize);
    }

    [Fact]
    public void Several_threads_collect_into_one()
    {
        using StoreFolder folder = new();
        using MmapManager store = folder.Open();
        using ProtoDimension proto = store.CreateProtoDimension("Shared");
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(t => new Thread(() =>
        {
            for (int i = 0; i < 500; i++)
            {
                proto.Add(t, [$"t{t}i{i}"], Encoding.UTF8.GetBytes($"text {t} {i}"));
            }
        }))];
        Array.ForEach(threads, t => t.Start());
        Array.ForEach(threads, t => t.Join());

        store.Crystallize(proto);

        for (int t = 0; t < 4; t++)
        {
            for (int i = 0; i < 500; i += 7)
            {
                Assert.Equal($"text {t} {i}", store.FindEntries($"T{t}I{i}").Single().Text);
            }
        }
    }

    [Fact]
    public void Disposing_gives_the_blocks_back_and_closing_the_store_ends_protos()
    {
        using StoreFolder folder = new();
        MmapManager store = folder.Open();
        ProtoDimension first = Proto(store);
        ProtoDimension second = Proto(store);
        first.Dispose();
        first.Dispose();
        Assert.Equal(1, store.GetStats().PoolLiveBlocks);

        store.Close();
        Assert.Throws<ObjectDisposedException>(() => second.Add(0, [], "x"u8));
        second.Dispose();
        Assert.Equal(0, store.Budget.UsedBytes);
    }

    private static ProtoDimension Proto(MmapManager store, bool user = false)
    {
        ProtoDimension proto = store.CreateProtoDimension("Proto", user);
        proto.Add(0, ["k"], "v"u8);
        return proto;
    }
}
