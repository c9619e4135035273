using System.Buffers.Binary;

namespace DimensionStore.Tests.Format;

public sealed class ImageVerifierTests
{
    [Fact]
    public void Sound_images_pass()
    {
        foreach ((string name, byte[] image) in SampleImages.All())
        {
            Assert.Null(Record.Exception(() => DimensionImage.Verify(image, name)));
        }
    }

    [Fact]
    public void A_source_that_must_be_read_gives_the_same_checks()
    {
        byte[] image = SampleImages.Compressed();
        var verifier = new ImageVerifier(DimensionDescriptor.Parse(image, image.Length), new SlowSource(image), null);
        verifier.Run(TestContext.Current.CancellationToken);
        Assert.Equal(["header", "layer 0", "layer 1", "padding", "index"], verifier.Checks);
        byte[] immutable = SampleImages.Sealed();
        verifier = new ImageVerifier(DimensionDescriptor.Parse(immutable, immutable.Length), new SlowSource(immutable), null);
        verifier.Run(TestContext.Current.CancellationToken);
        Assert.Equal(["header", "layer 0", "layer 1", "padding", "seal", "index"], verifier.Checks);
    }

    [Theory]
    [InlineData("extended")]
    [InlineData("sealed")]
    [InlineData("without index")]
    [InlineData("compressed")]
    public void Every_single_bit_flip_is_refused(string name)
    {
        byte[] image = SampleImages.All().Single(sample => sample.Name == name).Image;
        var kinds = new HashSet<DimensionFormatError>();
        for (int bit = 0; bit < image.Length * 8; bit++)
        {
            image[bit / 8] ^= (byte)(1 << (bit % 8));
            DimensionFormatException? error = Verify(image);
            if (error is null)
            {
                Assert.Fail($"A flip of bit {bit % 8} at offset {bit / 8} goes unnoticed.");
            }

            kinds.Add(error.Error);
            image[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.Null(Verify(image));
        Assert.Contains(DimensionFormatError.HeaderChecksum, kinds);
        Assert.Contains(DimensionFormatError.LayerChecksum, kinds);
        Assert.Contains(DimensionFormatError.ReservedNotZero, kinds);
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        byte[] image = SampleImages.Extended();
        for (int length = 0; length < image.Length; length++)
        {
            byte[] cut = image[..length];
            Assert.NotNull(Verify(cut));
            if (length >= 256)
            {
                BinaryPrimitives.WriteInt64LittleEndian(cut.AsSpan(72), length);
                ImageAssembler.FixChecksums(cut);
                Assert.NotNull(Verify(cut));
            }
        }
    }

    [Fact]
    public void A_changed_layer_is_named()
    {
        byte[] image = SampleImages.Extended();
        LayerDescriptor layer = DimensionDescriptor.Parse(image, image.Length).Layers[1];
        image[layer.ContentOffset] ^= 1;
        DimensionFormatException error = Refused(image, DimensionFormatError.LayerChecksum);
        Assert.Equal(layer.ContentOffset, error.Offset);
    }

    [Fact]
    public void A_changed_index_is_named()
    {
        byte[] image = SampleImages.Extended();
        image[^9] ^= 1;
        Refused(image, DimensionFormatError.IndexChecksum);
    }

    [Fact]
    public void A_seal_sees_what_checksums_were_made_to_fit()
    {
        byte[] image = SampleImages.Sealed();
        byte[] seal = image[172..204];
        image[DimensionDescriptor.Parse(image, image.Length).Layers[0].ContentOffset] ^= 1;
        ImageAssembler.FixChecksums(image);
        Assert.Null(Verify(image));
        seal.CopyTo(image, 172);
        image.AsSpan(108, 4).Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(108), ImageAssembler.Crc(image.AsSpan(0, 256 + BitConverter.ToInt32(image, 112))));
        Refused(image, DimensionFormatError.Seal);
    }

    [Fact]
    public void Padding_must_be_zero()
    {
        byte[] image = SampleImages.Extended();
        DimensionDescriptor descriptor = DimensionDescriptor.Parse(image, image.Length);
        foreach (long offset in (long[])[256 + descriptor.MetadataLength, descriptor.Layers[1].ContentOffset - 1, descriptor.IndexOffset - 1])
        {
            image[offset] = 1;
            Assert.Equal(offset, Refused(image, DimensionFormatError.ReservedNotZero).Offset);
            image[offset] = 0;
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Compressed_contents_must_be_streams_of_their_size(int slot)
    {
        byte[] original = SampleImages.Compressed();
        foreach (int change in (int[])[-1, 1, 1 << 20])
        {
            byte[] image = [.. original];
            BinaryPrimitives.WriteInt32LittleEndian(image.AsSpan(152 + (4 * slot)), BitConverter.ToInt32(image, 152 + (4 * slot)) + change);
            ImageAssembler.FixChecksums(image);
            Refused(image, DimensionFormatError.BadCompressedContent);
        }

        LayerDescriptor layer = DimensionDescriptor.Parse(original, original.Length).Layers[slot];
        byte[] broken = [.. original];
        broken.AsSpan((int)layer.ContentOffset, (int)layer.ContentSize).Fill(0xFF);
        ImageAssembler.FixChecksums(broken);
        Refused(broken, DimensionFormatError.BadCompressedContent);
    }

    [Fact]
    public void A_zlib_stream_that_wants_a_preset_dictionary_is_refused()
    {
        byte[] image = SampleImages.Compressed();
        LayerDescriptor layer = DimensionDescriptor.Parse(image, image.Length).Layers[1];
        Assert.Equal(LayerCodec.ZLib, layer.Codec);
        new byte[] { 0x78, 0x20, 1, 2, 3, 4 }.CopyTo(image, layer.ContentOffset);
        ImageAssembler.FixChecksums(image);
        Refused(image, DimensionFormatError.BadCompressedContent);
        byte[] content = new byte[layer.UncompressedSize];
        layer = DimensionDescriptor.Parse(image, image.Length).Layers[1];
        DimensionFormatException error = Assert.Throws<DimensionFormatException>(
            () => LayerDecompressor.Decompress(layer, image.AsSpan((int)layer.ContentOffset, (int)layer.ContentSize), content, null));
        Assert.Equal(DimensionFormatError.BadCompressedContent, error.Error);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(90)]
    public void Every_bit_of_an_index_matters_to_the_walk(int keys)
    {
        // Checksums are made to fit, so that only the walk over the structure is left to notice.
        byte[] image = keys == 0 ? new ImageAssembler().AddEntry(0, "x").Build() : SampleImages.ManyKeys(keys);
        DimensionDescriptor descriptor = DimensionDescriptor.Parse(image, image.Length);
        byte[] section = image[(int)descriptor.IndexOffset..];
        KeywordIndexValidator.Validate(section, 0, descriptor.Layers, null);
        int unnoticed = 0;
        for (int bit = 0; bit < section.Length * 8; bit++)
        {
            section[bit / 8] ^= (byte)(1 << (bit % 8));
            try
            {
                KeywordIndexValidator.Validate(section, 0, descriptor.Layers, null);
                unnoticed++;
                Assert.True(IsFree(section, bit / 8), $"A flip of bit {bit % 8} at offset {bit / 8} of the index goes unnoticed.");
            }
            catch (DimensionFormatException error)
            {
                Assert.Equal(DimensionFormatError.BadIndex, error.Error);
            }

            section[bit / 8] ^= (byte)(1 << (bit % 8));
        }

        Assert.True(unnoticed >= 32, "the control, the free entry count, was noticed");
    }

    [Fact]
    public void A_source_that_fails_is_not_taken_for_damage()
    {
        byte[] image = SampleImages.Compressed();
        DimensionDescriptor descriptor = DimensionDescriptor.Parse(image, image.Length);
        for (int reads = 0; ; reads++)
        {
            var source = new SlowSource(image) { ReadsBeforeFailure = reads };
            var verifier = new ImageVerifier(descriptor, source, null);
            if (Record.Exception(() => verifier.Run(TestContext.Current.CancellationToken)) is not Exception error)
            {
                Assert.True(reads > 8, "the source was read less often than there are sections");
                return;
            }

            Assert.Equal("the disk is gone", Assert.IsType<IOException>(error).Message);
        }
    }

    [Fact]
    public void Cancellation_is_heard()
    {
        byte[] image = SampleImages.Extended();
        var verifier = new ImageVerifier(DimensionDescriptor.Parse(image, image.Length), new SlowSource(image), null);
        Assert.Throws<OperationCanceledException>(() => verifier.Run(new CancellationToken(true)));
    }

    /// <summary>What only a checksum can protect: the entry count, a larger probe limit, another spelling of the same key, and where in its layer a posting lies.</summary>
    private static bool IsFree(byte[] section, int offset)
    {
        if (offset is (>= 20 and < 24) or (>= 24 and < 28))
        {
            return true;
        }

        KeywordIndexHeader header = KeywordIndexHeader.Read(section, section.Length, 0);
        return offset >= header.Layout.RecordsOffset && IsDisplayOrPosting(section, (int)header.Layout.RecordsOffset, offset);
    }

    private static bool IsDisplayOrPosting(byte[] section, int at, int offset)
    {
        while (at < section.Length)
        {
            int key = at + 8 + (BitConverter.ToInt32(section, at + 4) * 12);
            int display = key + BitConverter.ToUInt16(section, at);
            int end = (display + BitConverter.ToUInt16(section, at + 2) + 7) / 8 * 8;
            if (offset < end)
            {
                return offset >= display || (offset >= at + 8 && offset < key);
            }

            at = end;
        }

        return false;
    }

    private static DimensionFormatException? Verify(byte[] image)
    {
        try
        {
            DimensionImage.Verify(image);
            return null;
        }
        catch (DimensionFormatException error)
        {
            return error;
        }
    }

    private static DimensionFormatException Refused(byte[] image, DimensionFormatError expected)
    {
        DimensionFormatException? error = Verify(image);
        Assert.NotNull(error);
        Assert.Equal(expected, error.Error);
        return error;
    }

    private sealed class SlowSource(byte[] image) : ImageSource
    {
        public override long Length => image.Length;

        public int ReadsBeforeFailure { get; set; } = int.MaxValue;

        public override void Read(long offset, Span<byte> destination)
        {
            if (ReadsBeforeFailure-- == 0)
            {
                throw new IOException("the disk is gone");
            }

            image.AsSpan((int)offset, destination.Length).CopyTo(destination);
        }
    }
}
