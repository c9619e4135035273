using System.Text;

namespace DimensionStore.Tests.Files;

public sealed class MmapRegionTests
{
    private static readonly DimensionWriterOptions Options = new() { Id = new DimensionId(7), Name = "Technical", Overwrite = true };

    [Theory]
    [InlineData(Residency.Shared, false)]
    [InlineData(Residency.Shared, true)]
    [InlineData(Residency.Private, false)]
    [InlineData(Residency.Private, true)]
    public void A_region_has_the_bytes_of_its_file(Residency residency, bool verify)
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        byte[] bytes = Write(path, "content", 1000);
        using MmapRegion region = MmapRegion.Open(path, residency, verify);
        CheckBytes(region, bytes);
        Assert.Equal((path, residency), (region.FilePath, region.Residency));
    }

    [Fact]
    public void An_image_from_memory_is_a_region_without_a_file()
    {
        byte[] bytes = Image("content", 1000);
        using MmapRegion region = MmapRegion.FromImage(bytes);
        CheckBytes(region, bytes);
        Assert.Null(region.FilePath);
        Assert.Equal(Residency.Private, region.Residency);
    }

    [Fact]
    public void Every_range_inside_is_given_and_none_outside()
    {
        byte[] bytes = Image("content", 10);
        using MmapRegion region = MmapRegion.FromImage(bytes);
        long size = bytes.Length;
        foreach ((long offset, int length) in (ReadOnlySpan<(long, int)>)[(0, 0), (size, 0), (size - 1, 1), (0, (int)size), (17, 5)])
        {
            Assert.Equal(bytes[(int)offset..(int)(offset + length)], region.Access(offset, length).ToArray());
        }

        foreach ((long offset, int length) in (ReadOnlySpan<(long, int)>)[(0, -1), (-1, 1), (size, 1), (size + 1, 0), (0, (int)size + 1), (long.MaxValue, 1), (long.MaxValue, int.MaxValue), (long.MinValue, int.MinValue), (1, int.MinValue), (size - 1, 2)])
        {
            OutOfBoundsException error = Assert.Throws<OutOfBoundsException>(() => region.Access(offset, length).Length);
            Assert.Equal((offset, length, size), (error.Offset, error.Size, error.Length));
        }

        Assert.Throws<LayerNotFoundException>(() => region.StoredLayer(1).Length);
    }

    [Fact]
    public void A_disposed_region_gives_nothing_and_disposes_again()
    {
        MmapRegion region = MmapRegion.FromImage(Image("content", 10));
        region.Dispose();
        region.Dispose();
        Assert.Throws<ObjectDisposedException>(() => region.Access(0, 1).Length);
        Assert.Throws<ObjectDisposedException>(() => region.Image.Length);
    }

    [Theory]
    [InlineData(Residency.Shared)]
    [InlineData(Residency.Private)]
    public void A_replaced_file_leaves_readers_their_old_bytes(Residency residency)
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        byte[] old = Write(path, "old", 5000);
        using MmapRegion before = MmapRegion.Open(path, residency);
        byte[] replaced = Write(path, "replaced by something longer", 5000);
        using MmapRegion after = MmapRegion.Open(path, residency);
        CheckBytes(before, old);
        CheckBytes(after, replaced);
        File.Delete(path);
        CheckBytes(before, old);
    }

    [Fact]
    public void A_private_copy_survives_whatever_is_done_to_the_file()
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        byte[] bytes = Write(path, "content", 5000);
        using MmapRegion region = MmapRegion.Open(path, Residency.Private);
        using (FileStream file = File.OpenWrite(path))
        {
            file.Write(new byte[1000]);
            file.SetLength(1000);
        }

        CheckBytes(region, bytes);
    }

    [Theory]
    [InlineData(Residency.Shared)]
    [InlineData(Residency.Private)]
    public void A_file_of_any_other_length_is_refused_by_name(Residency residency)
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        byte[] bytes = Write(path, "content", 30);
        foreach (int length in (IEnumerable<int>)[.. Enumerable.Range(0, 300), 4095, 4096, bytes.Length - 1])
        {
            File.WriteAllBytes(path, bytes[..Math.Min(length, bytes.Length - 1)]);
            DimensionFormatException error = Assert.Throws<DimensionFormatException>(() => MmapRegion.Open(path, residency));
            Assert.Equal(length < 256 ? DimensionFormatError.TooShort : DimensionFormatError.Truncated, error.Error);
            Assert.Equal(path, error.FilePath);
        }

        File.WriteAllBytes(path, [.. bytes, 0]);
        Assert.Equal(DimensionFormatError.TrailingData, Assert.Throws<DimensionFormatException>(() => MmapRegion.Open(path, residency)).Error);
    }

    [Fact]
    public void Verifying_finds_what_opening_alone_does_not()
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        byte[] bytes = Write(path, "content", 1000);
        int inLayer = (int)DimensionFile.ReadDescriptor(path).Layers[0].ContentOffset + 5;
        bytes[inLayer] ^= 1;
        File.WriteAllBytes(path, bytes);
        foreach (Residency residency in (Residency[])[Residency.Shared, Residency.Private])
        {
            MmapRegion.Open(path, residency).Dispose();
            Assert.Equal(DimensionFormatError.LayerChecksum, Assert.Throws<DimensionFormatException>(() => MmapRegion.Open(path, residency, verify: true)).Error);
        }

        VerificationResult result = DimensionFile.Verify(path, TestContext.Current.CancellationToken);
        Assert.False(result.IsValid);
        Assert.Equal((DimensionFormatError.LayerChecksum, path), (result.Error!.Error, result.Error.FilePath));
        Assert.NotNull(result.Descriptor);
        Assert.Equal(["header"], result.Checks);
    }

    [Theory]
    [InlineData(7, LayerCodec.None, false, "header|layer 0|padding|index")]
    [InlineData(9, LayerCodec.None, false, "header|layer 0|padding|seal|index")]
    [InlineData(14, LayerCodec.Brotli, false, "header|layer 0|padding|seal|index")]
    [InlineData(7, LayerCodec.ZLib, false, "header|layer 0|padding|index")]
    [InlineData(7, LayerCodec.None, true, "header")]
    public void What_the_writer_makes_is_found_valid(int id, LayerCodec codec, bool plain, string checks)
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        DimensionWriterOptions options = Options with
        {
            Id = new DimensionId(id),
            Plain = plain,
            Layers = new Dictionary<int, LayerSettings> { [0] = new() { Codec = codec } },
        };
        using (DimensionFileWriter writer = new(path, options))
        {
            for (int i = 0; i < 2000; i++)
            {
                writer.AddEntry(0, [$"key {i}"], Encoding.UTF8.GetBytes($"content {i}"));
            }

            writer.Complete(TestContext.Current.CancellationToken);
        }

        VerificationResult result = DimensionFile.Verify(path, TestContext.Current.CancellationToken);
        Assert.Null(result.Error);
        Assert.Equal(checks.Split('|'), result.Checks);
        Assert.Equal(plain ? 256 + result.Descriptor!.MetadataLength : new FileInfo(path).Length, result.BytesRead);
        foreach (Residency residency in (Residency[])[Residency.Shared, Residency.Private])
        {
            using MmapRegion region = MmapRegion.Open(path, residency, verify: true);
            Assert.Equal(!plain, region.Index.KeywordCount == 2000);
        }
    }

    [Fact]
    public void Verification_returns_broken_rules_and_throws_what_the_disk_refuses()
    {
        using TemporaryDirectory directory = new();
        File.WriteAllText(directory.File("x.mmap"), "no dimension");
        VerificationResult result = DimensionFile.Verify(directory.File("x.mmap"), TestContext.Current.CancellationToken);
        Assert.Equal(DimensionFormatError.TooShort, result.Error!.Error);
        Assert.Null(result.Descriptor);
        Assert.Throws<FileNotFoundException>(() => DimensionFile.Verify(directory.File("none.mmap"), TestContext.Current.CancellationToken));
        Assert.Throws<FileNotFoundException>(() => MmapRegion.Open(directory.File("none.mmap")));
        Assert.Throws<IOException>(() => MmapRegion.Open(directory.FullPath));
        Assert.Throws<DirectoryNotFoundException>(() => DimensionFile.ReadDescriptor(Path.Combine(directory.FullPath, "none", "x.mmap")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Metadata_longer_than_a_page_is_read(bool plain)
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        string[] keywords = [.. Enumerable.Range(0, 20_000).Select(i => $"keyword number {i}")];
        DimensionWriterOptions options = Options with { Plain = plain, Layers = new Dictionary<int, LayerSettings> { [0] = new() { Keywords = keywords } } };
        using (DimensionFileWriter writer = new(path, options))
        {
            writer.AddEntry(0, [], "x"u8);
            writer.Complete(TestContext.Current.CancellationToken);
        }

        foreach (Residency residency in (Residency[])[Residency.Shared, Residency.Private])
        {
            using MmapRegion region = MmapRegion.Open(path, residency);
            Assert.Equal(keywords, region.Descriptor.Layers[0].Keywords);
            Assert.Equal("x"u8, region.StoredLayer(0));
        }
    }

    [Fact]
    public void Keywords_are_found_in_the_mapped_bytes()
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        Write(path, "content", 1000);
        using MmapRegion region = MmapRegion.Open(path);
        for (int i = 0; i < 1000; i++)
        {
            Assert.True(region.Index.TryFind($"KEY {i}", out PostingList postings));
            EntryLocation location = postings[0];
            Assert.Equal($"content {i}", Encoding.UTF8.GetString(region.StoredLayer(location.Layer).Slice((int)location.Offset, location.Length)));
        }

        Assert.False(region.Index.TryFind("key 1000", out _));
    }

    private static void CheckBytes(MmapRegion region, byte[] bytes)
    {
        Assert.Equal(bytes.Length, region.Size);
        Assert.True(region.Image.SequenceEqual(bytes));
        LayerDescriptor layer = region.Descriptor.Layers[0];
        Assert.True(region.StoredLayer(0).SequenceEqual(bytes.AsSpan((int)layer.ContentOffset, (int)layer.ContentSize)));
        Assert.NotEqual(0, region.Address);
    }

    private static byte[] Image(string content, int entries)
        => DimensionFileWriter.BuildImage(Options, Enumerable.Range(0, entries).Select(i => new DimensionEntry(0, [$"Key {i}"], Encoding.UTF8.GetBytes($"{content} {i}"))));

    private static byte[] Write(string path, string content, int entries)
    {
        using (DimensionFileWriter writer = new(path, Options))
        {
            for (int i = 0; i < entries; i++)
            {
                writer.AddEntry(0, [$"Key {i}"], Encoding.UTF8.GetBytes($"{content} {i}"));
            }

            writer.Complete(TestContext.Current.CancellationToken);
        }

        return File.ReadAllBytes(path);
    }
}
