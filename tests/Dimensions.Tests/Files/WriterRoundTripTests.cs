using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Tests.Files;

/// <summary>What goes into a writer comes out of the file: entries against a plain model of them.</summary>
public sealed class WriterRoundTripTests
{
    private static readonly string[] Words = ["a", "A", "apple", "Apple", "APPLE", "apples", "Straße", "ΣΊΣΥΦΟΣ", "σίσυφος", "dog", "dogs", "a very long keyword that goes on", "a very long keyword that goes on and on", "\U00010400", "\U00010428", "x y", "zebra"];

    private static readonly DimensionWriterOptions Options = new() { Id = new DimensionId(7), Name = "Technical" };

    private static Gen<DimensionEntry> Entries =>
        from layer in Gen.Choose(0, 3)
        from keywords in Gen.Elements(Words).ListOf().Select(list => list.Take(6).ToArray())
        from content in Gen.Choose(0, 255).Select(i => (byte)i).ArrayOf()
        select new DimensionEntry(layer, keywords, content);

    private static Gen<DimensionWriterOptions> AnyOptions =>
        from plain in Gen.Elements(false, true)
        from id in Gen.Elements(1, 9, 14, 300)
        from memory in Gen.Elements(0, 16 << 20)
        from codecs in Gen.Elements(Enum.GetValues<LayerCodec>().Where(LayerCodecs.IsAvailable)).ArrayOf(4)
        select new DimensionWriterOptions
        {
            Id = new DimensionId(id),
            Name = "Übung",
            Plain = plain && !new DimensionId(id).IsImmutable,
            MemoryBytes = memory,
            Layers = Enumerable.Range(0, 4).ToDictionary(i => i, i => new LayerSettings { Codec = plain ? LayerCodec.None : codecs[i], Frequency = i * 1.5f, Depth = i == 2 ? (byte)9 : null }),
        };

    [Fact]
    public void Whatever_is_written_is_read_back()
        => Prop.ForAll(Entries.ListOf().Where(list => list.Count > 0).ToArbitrary(), AnyOptions.ToArbitrary(), (entries, options) =>
        {
            using TemporaryDirectory directory = new();
            WrittenFile file = WrittenFile.Write(directory.File("x.mmap"), options, [.. entries]);
            file.CheckAgainstModel();
            Assert.Equal(["x.mmap"], directory.FileNames);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_same_entries_give_the_same_bytes_whatever_the_memory()
    {
        Random random = new(1);
        DimensionEntry[] entries = [.. Enumerable.Range(0, 6000).Select(i => new DimensionEntry(random.Next(4), [$"Key {random.Next(3000)}", Words[random.Next(Words.Length)]], Encoding.UTF8.GetBytes($"content {i}")))];
        using TemporaryDirectory directory = new();
        foreach (bool plain in (bool[])[false, true])
        {
            WrittenFile large = WrittenFile.Write(directory.File("large.mmap"), Options with { Plain = plain }, entries);
            WrittenFile small = WrittenFile.Write(directory.File("small.mmap"), Options with { Plain = plain, MemoryBytes = 0 }, entries);
            Assert.Equal(0, large.KeywordRuns);
            Assert.InRange(small.KeywordRuns, 2, int.MaxValue);
            Assert.InRange(small.SpilledContentBytes, 1, long.MaxValue);
            Assert.Equal(File.ReadAllBytes(directory.File("large.mmap")), File.ReadAllBytes(directory.File("small.mmap")));
            Assert.Equal(File.ReadAllBytes(directory.File("large.mmap")), DimensionFileWriter.BuildImage(Options with { Plain = plain }, entries));
            small.CheckAgainstModel();
            File.Delete(directory.File("large.mmap"));
            File.Delete(directory.File("small.mmap"));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(513)]
    [InlineData(20_000)]
    public void An_index_of_any_number_of_keys_has_the_form_the_format_page_gives(int keys)
    {
        using TemporaryDirectory directory = new();
        DimensionEntry[] entries = [.. Enumerable.Range(0, keys).Select(i => new DimensionEntry(i & 3, [$"{i * 7919 % 100_003:x} Key"], "x"u8.ToArray()))];
        WrittenFile.Write(directory.File("x.mmap"), Options, entries).CheckAgainstModel();
    }

    [Theory]
    [InlineData(15)]
    [InlineData(20)]
    [InlineData(500)]
    public void Keys_that_all_belong_into_the_last_bucket_wrap_around_to_the_first(int keys)
    {
        uint buckets = (uint)((keys + KeywordIndexFormat.KeysPerBucket - 1) / KeywordIndexFormat.KeysPerBucket);
        DimensionEntry[] entries = [.. Enumerable.Range(0, int.MaxValue).Select(i => $"key {i}")
            .Where(key => KeywordIndexFormat.Bucket(KeywordHash.Compute(Encoding.UTF8.GetBytes(key)), buckets) == buckets - 1)
            .Take(keys)
            .Select(key => new DimensionEntry(0, [key], ReadOnlyMemory<byte>.Empty))];
        using TemporaryDirectory directory = new();
        WrittenFile file = WrittenFile.Write(directory.File("x.mmap"), Options, entries);
        file.CheckAgainstModel();
        byte[] image = File.ReadAllBytes(file.FilePath);
        Assert.Equal((uint)((keys + KeywordIndexFormat.SlotsPerBucket - 1) / KeywordIndexFormat.SlotsPerBucket), new ReferenceIndex(image[(int)file.Descriptor.IndexOffset..]).MaxProbe);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(16 << 20)]
    public void Keys_that_differ_late_are_sorted_and_long_posting_lists_kept_whole(int memory)
    {
        Random random = new(8);
        DimensionEntry[] entries = [.. Enumerable.Range(0, 4000).Select(i => new DimensionEntry(
            random.Next(4),
            [string.Concat(Enumerable.Range(0, random.Next(1, 60)).Select(_ => random.Next(8) == 0 ? 'b' : 'a')), "in every entry", new string('x', 8 * random.Next(1, 100))],
            Encoding.UTF8.GetBytes(i.ToString(System.Globalization.CultureInfo.InvariantCulture))))];
        using TemporaryDirectory directory = new();
        WrittenFile file = WrittenFile.Write(directory.File("x.mmap"), Options with { MemoryBytes = memory }, entries);
        file.CheckAgainstModel();
        Assert.True(DimensionFile.Verify(file.FilePath, TestContext.Current.CancellationToken).IsValid);
    }
}
