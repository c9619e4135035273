using System.Buffers.Binary;
using System.Text;
using DimensionStore.Memory;
using DimensionStore.Memory.Native;
using DimensionStore.Tests.Files;
using DimensionStore.Tests.Format;

namespace DimensionStore.Tests.Codecs;

/// <summary>LZ4 and Zstandard, which libraries of the system provide.</summary>
public sealed class LibraryCodecTests
{
    private static readonly LayerId Layer0 = new(new DimensionId(7), 0);

    public static TheoryData<LayerCodec> Codecs { get; } = [LayerCodec.Lz4, LayerCodec.Zstd];

    public static TheoryData<LayerCodec> AllCodecs { get; } = [LayerCodec.Brotli, LayerCodec.ZLib, LayerCodec.Lz4, LayerCodec.Zstd];

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Any_length_comes_back_whether_mapped_or_read(LayerCodec codec)
    {
        Require(codec);
        using TemporaryDirectory directory = new();
        foreach (int length in (int[])[1, 100, 65_535, 65_536, 65_537, 300_000, 9 << 20])
        {
            byte[] content = Text(length);
            string path = Write(directory.File($"D07.{length}"), codec, content);
            DimensionDescriptor descriptor = DimensionFile.ReadDescriptor(path);
            LayerDescriptor layer = Assert.Single(descriptor.Layers);
            Assert.Equal(codec, layer.Codec);
            Assert.Equal(length, layer.UncompressedSize);
            Assert.True(length < 1000 || layer.ContentSize < length / 2);
            VerificationResult read = DimensionFile.Verify(path, TestContext.Current.CancellationToken);
            Assert.Null(read.Error);
            byte[] file = File.ReadAllBytes(path);
            DimensionImage.Verify(file);
            byte[] back = new byte[length];
            LayerDecompressor.Decompress(layer, file.AsSpan((int)layer.ContentOffset, (int)layer.ContentSize), back, path);
            Assert.Equal(content, back);
        }
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void A_store_reads_and_finds_in_it(LayerCodec codec)
    {
        Require(codec);
        using TemporaryDirectory directory = new();
        byte[] content = Text(50_000);
        Write(directory.File("D07.mmap"), codec, content);
        using MmapManager store = new(new MemoryConfig { BasePath = directory.FullPath });
        Assert.Equal(content, store.ReadLayer(Layer0));
        using EntryAccess found = store.Find(new DimensionId(7), "KEY");
        Assert.Equal(content, found.ContentOf(0));
    }

    [Theory]
    [MemberData(nameof(AllCodecs))]
    public void Every_flipped_bit_and_every_missing_byte_of_the_stored_layer_is_a_typed_error(LayerCodec codec)
    {
        Require(codec);
        (LayerDescriptor layer, byte[] stored, byte[] content) = Stored(codec, 300);
        byte[] destination = new byte[content.Length];
        LayerDecompressor.Decompress(layer, stored, destination, null);
        Assert.Equal(content, destination);
        for (int length = 0; length < stored.Length; length++)
        {
            Assert.Throws<DimensionFormatException>(() => LayerDecompressor.Decompress(layer, stored.AsSpan(0, length), destination, null));
        }

        foreach (byte[] flipped in Flipped(stored))
        {
            Assert.Equal(DimensionFormatError.LayerChecksum, Assert.Throws<DimensionFormatException>(() => LayerDecompressor.Decompress(layer, flipped, destination, null)).Error);
        }
    }

    [Theory]
    [MemberData(nameof(AllCodecs))]
    public void With_checksums_made_to_fit_damage_gives_a_typed_error_or_content_of_the_declared_size(LayerCodec codec)
    {
        Require(codec);
        byte[] image = Image(codec, Text(300));
        LayerDescriptor layer = DimensionDescriptor.Parse(image, image.Length).Layers[0];
        byte[] stored = image.AsSpan((int)layer.ContentOffset, (int)layer.ContentSize).ToArray();
        int refused = 0;
        byte[] guarded = new byte[300 + 64];
        foreach (byte[] flipped in Flipped(stored).Concat(Zeroed(stored)))
        {
            flipped.CopyTo(image, layer.ContentOffset);
            ImageAssembler.FixChecksums(image);
            LayerDescriptor damaged = DimensionDescriptor.Parse(image, image.Length).Layers[0];
            guarded.AsSpan().Fill(0xEE);
            bool isRefused = Refused(() => LayerDecompressor.Decompress(damaged, flipped, guarded.AsSpan(0, 300), null));

            // Both ways to decompress are one mechanism, in one piece here and by the buffer there.
            Assert.Equal(isRefused, Refused(() => DimensionImage.Verify(image)));
            Assert.Equal(isRefused, Refused(() => LayerDecompressor.Verify(damaged, new PiecemealSource(image), new byte[7], null, default)));
            Assert.Equal(-1, guarded.AsSpan(300).IndexOfAnyExcept((byte)0xEE));
            refused += isRefused ? 1 : 0;
        }

        Assert.True(refused > 0);
    }

    // Not zlib: the decoder of .NET does not tell that the end of a stream is missing. Its checksum in the header does.
    [Theory]
    [InlineData(LayerCodec.Brotli)]
    [InlineData(LayerCodec.Lz4)]
    [InlineData(LayerCodec.Zstd)]
    public void A_stream_without_its_last_byte_is_refused_although_the_content_is_there(LayerCodec codec)
    {
        Require(codec);
        byte[] image = Image(codec, Text(300));
        LayerDescriptor layer = DimensionDescriptor.Parse(image, image.Length).Layers[0];
        byte[] destination = new byte[300];
        for (int length = 1; length < layer.ContentSize; length++)
        {
            byte[] shorter = image.AsSpan((int)layer.ContentOffset, length).ToArray();
            LayerDescriptor cut = Copy(layer, shorter);
            DimensionFormatException error = Assert.Throws<DimensionFormatException>(() => LayerDecompressor.Decompress(cut, shorter, destination, "f.mmap"));
            Assert.Equal(DimensionFormatError.BadCompressedContent, error.Error);
            Assert.Equal("f.mmap", error.FilePath);
        }
    }

    [Theory]
    [InlineData(LayerCodec.Lz4, "02214C18" + "00", "begin with 184C2102")]
    [InlineData(LayerCodec.Lz4, "502A4D18" + "04000000" + "00000000", "begin with 184D2A50")]
    [InlineData(LayerCodec.Lz4, "04224D18" + "61", "dictionary")]
    [InlineData(LayerCodec.Lz4, "04224D18", "ends early")]
    [InlineData(LayerCodec.Zstd, "502A4D18" + "04000000" + "00000000", "begin with 184D2A50")]
    [InlineData(LayerCodec.Zstd, "27B52FFD" + "0000", "begin with FD2FB527")]
    [InlineData(LayerCodec.Zstd, "28B52FFD" + "01" + "00", "dictionary")]
    [InlineData(LayerCodec.Zstd, "28B52FFD" + "00" + "69", "window of 9,437,184")]
    [InlineData(LayerCodec.Zstd, "28B52FFD" + "00" + "FF", "window of 4,123,168,604,160")]
    [InlineData(LayerCodec.Zstd, "28B52FFD" + "E0" + "0100800000000000", "window of 8,388,609")]
    [InlineData(LayerCodec.Zstd, "28B52FFD" + "A0" + "010080", "ends early")]
    [InlineData(LayerCodec.Zstd, "28B52FFD" + "00", "ends early")]
    [InlineData(LayerCodec.Zstd, "28", "ends early")]
    public void Frames_that_the_format_does_not_allow_are_refused_by_their_head(LayerCodec codec, string stream, string found)
    {
        Require(codec);
        byte[] stored = Convert.FromHexString(stream);
        (LayerDescriptor layer, _, _) = Stored(codec, 10);
        DimensionFormatException error = Assert.Throws<DimensionFormatException>(() => LayerDecompressor.Decompress(Copy(layer, stored), stored, new byte[10], null));
        Assert.Equal(DimensionFormatError.BadCompressedContent, error.Error);
        Assert.Contains(found, error.Found, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(LayerCodec.Lz4, "04224D18" + "604082" + "05000080" + "48656C6C6F" + "00000000")]
    [InlineData(LayerCodec.Zstd, "28B52FFD" + "00" + "68" + "290000" + "48656C6C6F")]
    [InlineData(LayerCodec.Zstd, "28B52FFD" + "20" + "05" + "290000" + "48656C6C6F")]
    public void Frames_made_by_hand_from_the_published_formats_are_read(LayerCodec codec, string stream)
    {
        Require(codec);
        byte[] stored = Convert.FromHexString(stream);
        (LayerDescriptor layer, _, _) = Stored(codec, 5);
        byte[] content = new byte[5];
        LayerDecompressor.Decompress(Copy(layer, stored), stored, content, null);
        Assert.Equal("Hello"u8, content);
    }

    [Theory]
    [MemberData(nameof(AllCodecs))]
    public void Bytes_behind_the_stream_are_ignored(LayerCodec codec)
    {
        Require(codec);
        (LayerDescriptor layer, byte[] stored, byte[] content) = Stored(codec, 300);
        byte[] longer = [.. stored, .. stored, 1, 2, 3];
        byte[] destination = new byte[content.Length];
        LayerDecompressor.Decompress(Copy(layer, longer), longer, destination, null);
        Assert.Equal(content, destination);
    }

    [Theory]
    [InlineData(LayerCodec.Lz4, "liblz4")]
    [InlineData(LayerCodec.Zstd, "libzstd")]
    public void Without_the_library_the_error_says_what_is_missing_and_nothing_is_written(LayerCodec codec, string library)
    {
        Require(codec);
        using TemporaryDirectory directory = new();
        string path = Write(directory.File("D07.mmap"), codec, Text(100));
        using MmapManager store = new(new MemoryConfig { BasePath = directory.FullPath });
        WithoutLibraries(() =>
        {
            Assert.False(LayerCodecs.IsAvailable(codec));
            Assert.True(LayerCodecs.IsAvailable(LayerCodec.Brotli));
            CodecUnavailableException read = Assert.Throws<CodecUnavailableException>(() => store.ReadLayer(Layer0));
            Assert.Equal((codec, 0, library, path), (read.Codec, read.Layer, read.LibraryName, read.FilePath));
            Assert.Contains(library, read.Message, StringComparison.Ordinal);
            Assert.Contains("Install it", read.Message, StringComparison.Ordinal);
            Assert.Throws<CodecUnavailableException>(() => DimensionFile.Verify(path, TestContext.Current.CancellationToken));
            Assert.Equal(codec, DimensionFile.ReadDescriptor(path).Layers[0].Codec);
            CodecUnavailableException written = Assert.Throws<CodecUnavailableException>(() => Write(directory.File("other"), codec, Text(10)));
            Assert.Null(written.FilePath);
        });
        Assert.Equal(["D07.mmap"], directory.FileNames);
        Assert.Equal(0, store.GetStats().PoolLiveBlocks);
        Assert.Equal(Text(100), store.ReadLayer(Layer0));
    }

    [Fact]
    public void A_sealed_dimension_whose_library_is_missing_fails_to_load_by_that_name_and_loads_later()
    {
        Require(LayerCodec.Zstd);
        using TemporaryDirectory directory = new();
        Write(directory.File("D09.mmap"), LayerCodec.Zstd, Text(100), 9);
        MmapManager? store = null;
        WithoutLibraries(() => store = new MmapManager(new MemoryConfig { BasePath = directory.FullPath }));
        using (store)
        {
            LayerId layer = new(new DimensionId(9), 0);
            Assert.Throws<CodecUnavailableException>(() => store!.ReadLayer(layer));
            Assert.Equal(DimensionState.Loaded, store!.LoadDimension(layer.Dimension).State);
            Assert.Equal(Text(100), store.ReadLayer(layer));
        }
    }

    [Fact]
    public void A_library_that_is_absent_or_lacks_a_function_is_not_used()
    {
        FakeLoader loader = new(hasLibrary: false, lacking: "");
        Assert.Null(Lz4Library.TryLoad(loader));
        Assert.Null(ZstdLibrary.TryLoad(loader));
        Assert.Equal([.. Lz4Library.FileNames, .. ZstdLibrary.FileNames], loader.Asked);
        Assert.Null(Lz4Library.TryLoad(new FakeLoader(hasLibrary: true, lacking: "LZ4F_compressEnd")));
        Assert.Null(ZstdLibrary.TryLoad(new FakeLoader(hasLibrary: true, lacking: "ZSTD_compressStream2")));
        Assert.NotNull(Lz4Library.TryLoad(new FakeLoader(hasLibrary: true, lacking: "")));
        Assert.NotNull(ZstdLibrary.TryLoad(new FakeLoader(hasLibrary: true, lacking: "")));
    }

    private static void Require(LayerCodec codec) => Assert.SkipUnless(LayerCodecs.IsAvailable(codec), $"the system has no library for {codec}");

    private static byte[] Text(int length)
    {
        StringBuilder text = new();
        for (int i = 0; text.Length < length; i++)
        {
            text.Append(System.Globalization.CultureInfo.InvariantCulture, $"line {i * 7919 % 1000} of a text that repeats itself; ");
        }

        return Encoding.ASCII.GetBytes(text.ToString(0, length));
    }

    private static string Write(string path, LayerCodec codec, byte[] content, int id = 7)
    {
        using DimensionFileWriter writer = new(path, Options(codec, id));
        writer.AddEntry(0, ["key"], content);
        writer.Complete();
        return path;
    }

    private static byte[] Image(LayerCodec codec, byte[] content) => DimensionFileWriter.BuildImage(Options(codec, 7), [new DimensionEntry(0, ["key"], content)]);

    private static DimensionWriterOptions Options(LayerCodec codec, int id)
        => new() { Id = new DimensionId(id), Name = "Technical", Layers = new Dictionary<int, LayerSettings> { [0] = new() { Codec = codec } } };

    private static (LayerDescriptor Layer, byte[] Stored, byte[] Content) Stored(LayerCodec codec, int length)
    {
        byte[] content = Text(length);
        byte[] image = Image(codec, content);
        LayerDescriptor layer = DimensionDescriptor.Parse(image, image.Length).Layers[0];
        return (layer, image.AsSpan((int)layer.ContentOffset, (int)layer.ContentSize).ToArray(), content);
    }

    /// <summary>The layer with other stored bytes and a checksum that fits them.</summary>
    private static LayerDescriptor Copy(LayerDescriptor layer, byte[] stored)
    {
        byte[] image = new ImageAssembler { Id = 7, HasIndex = false }.AddEntry(0, new string('x', stored.Length), "key").Build();
        stored.CopyTo(image, DimensionDescriptor.Parse(image, image.Length).Layers[0].ContentOffset);
        image[168] = (byte)layer.Codec;
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(152), (uint)layer.UncompressedSize);
        ImageAssembler.FixChecksums(image);
        return DimensionDescriptor.Parse(image, image.Length).Layers[0];
    }

    private static IEnumerable<byte[]> Flipped(byte[] bytes)
    {
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            byte[] flipped = [.. bytes];
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            yield return flipped;
        }
    }

    private static IEnumerable<byte[]> Zeroed(byte[] bytes)
    {
        for (int from = 0; from < bytes.Length; from++)
        {
            byte[] zeroed = [.. bytes];
            zeroed.AsSpan(from).Clear();
            yield return zeroed;
        }
    }

    private static bool Refused(Action action)
    {
        try
        {
            action();
            return false;
        }
        catch (DimensionFormatException error)
        {
            Assert.Equal(DimensionFormatError.BadCompressedContent, error.Error);
            return true;
        }
    }

    private static void WithoutLibraries(Action action)
    {
        NativeFaults.HideLibraries = true;
        try
        {
            action();
        }
        finally
        {
            NativeFaults.HideLibraries = false;
        }
    }

    /// <summary>Bytes that must be read, as from a file.</summary>
    private sealed class PiecemealSource(byte[] image) : ImageSource
    {
        public override long Length => image.Length;

        public override void Read(long offset, Span<byte> destination) => image.AsSpan((int)offset, destination.Length).CopyTo(destination);
    }

    private sealed class FakeLoader(bool hasLibrary, string lacking) : NativeLibraryLoader
    {
        public List<string> Asked { get; } = [];

        public override bool TryLoad(string fileName, out nint library)
        {
            Asked.Add(fileName);
            library = 1;
            return hasLibrary;
        }

        public override bool TryGetExport(nint library, string name, out nint address)
        {
            address = 1;
            return name != lacking;
        }
    }
}
