using System.Buffers.Binary;
using System.Text;

namespace DimensionStore.Tests.Format;

public sealed class DescriptorParserTests
{
    /// <summary>Metadata of the sample image: layer 0 at 256, its first keyword's length at 267.</summary>
    private const int FirstKeyword = 267;

    [Fact]
    public void Reads_what_was_written()
    {
        var assembler = new ImageAssembler { Id = 14, Name = "Ünïty", Sealed = true };
        assembler.AddLayer(3, 200, 963.25f, codec: 1, keywords: ["given", "Ωmega"]);
        byte[] image = assembler.AddEntry(1, "content", "Ä", "b", "B").AddEntry(3, "other", "c").Build();
        DimensionDescriptor descriptor = DimensionDescriptor.Parse(image, image.Length);
        Assert.Equal(new DimensionId(14), descriptor.Id);
        Assert.Equal("Ünïty", descriptor.Name);
        Assert.Equal(image.Length, descriptor.TotalSize);
        Assert.False(descriptor.IsPlain);
        Assert.True(descriptor.IsSealed);
        Assert.True(descriptor.HasIndex);
        Assert.Equal(0, descriptor.IndexOffset % 64);
        Assert.Equal(image.Length, descriptor.IndexOffset + descriptor.IndexLength);
        Assert.Equal([1, 3], descriptor.Layers.Select(l => l.Layer));
        LayerDescriptor layer = descriptor.Layers[1];
        Assert.Equal(200, layer.Depth);
        Assert.Equal(963.25f, layer.Frequency);
        Assert.Equal(LayerCodec.Brotli, layer.Codec);
        Assert.Equal(5, layer.UncompressedSize);
        Assert.Equal(2, layer.KeywordCount);
        Assert.Equal(["given", "Ωmega"], layer.Keywords);
        Assert.Same(layer.Keywords, layer.Keywords);
        Assert.Equal(["Ä", "b"], descriptor.Layers[0].Keywords);
        Assert.Equal("content", Encoding.UTF8.GetString(image, (int)descriptor.Layers[0].ContentOffset, (int)descriptor.Layers[0].ContentSize));
    }

    [Fact]
    public void A_plain_file_ignores_what_it_has_reserved()
    {
        byte[] image = SampleImages.Plain();
        image.AsSpan(104, 152).Fill(0xAB);
        DimensionDescriptor descriptor = DimensionDescriptor.Parse(image, image.Length);
        Assert.True(descriptor.IsPlain);
        Assert.False(descriptor.HasIndex);
        Assert.False(descriptor.IsSealed);
        Assert.All(descriptor.Layers, layer => Assert.Equal(layer.ContentSize, layer.UncompressedSize));
    }

    [Fact]
    public void A_plain_file_may_have_gaps_and_a_tail()
    {
        byte[] image = [.. SampleImages.Plain(), .. Enumerable.Repeat((byte)7, 100)];
        BinaryPrimitives.WriteInt64LittleEndian(image.AsSpan(72), image.Length);
        Assert.Equal(image.Length, DimensionDescriptor.Parse(image, image.Length).TotalSize);
    }

    [Fact]
    public void Any_prefix_says_how_much_it_needs()
    {
        foreach ((string name, byte[] image) in SampleImages.All())
        {
            DimensionDescriptor whole = DimensionDescriptor.Parse(image, image.Length);
            int end = 256 + whole.MetadataLength;
            for (int length = 0; length <= image.Length; length++)
            {
                bool parsed = DimensionDescriptor.TryParse(image.AsSpan(0, length), image.Length, null, out DimensionDescriptor? descriptor, out int needed);
                Assert.Equal(length >= end, parsed);
                if (parsed)
                {
                    Assert.Equal(whole.Name, descriptor!.Name);
                    continue;
                }

                Assert.InRange(needed, length + 1, image.Length);
                Assert.True(length < 256 || whole.IsPlain || needed == end, name);
                Assert.Throws<ArgumentException>(() => DimensionDescriptor.Parse(image.AsSpan(0, length), image.Length));
            }
        }
    }

    [Fact]
    public void A_prefix_longer_than_the_file_is_an_argument_error()
        => Assert.ThrowsAny<ArgumentException>(() => DimensionDescriptor.Parse(new byte[300], 299));

    [Theory]
    [InlineData(DimensionFormatError.BadMagic, 84, "00")]
    [InlineData(DimensionFormatError.BadMagic, 97, "01")]
    [InlineData(DimensionFormatError.BadDimensionId, 0, "00000000")]
    [InlineData(DimensionFormatError.BadDimensionId, 0, "00000100")]
    [InlineData(DimensionFormatError.BadDimensionId, 0, "FFFFFFFF")]
    [InlineData(DimensionFormatError.BadNameLength, 4, "00000000")]
    [InlineData(DimensionFormatError.BadNameLength, 4, "41000000")]
    [InlineData(DimensionFormatError.BadNameLength, 4, "FFFFFFFF")]
    [InlineData(DimensionFormatError.BadNameEncoding, 8, "FF")]
    [InlineData(DimensionFormatError.BadNameEncoding, 14, "C3")]
    [InlineData(DimensionFormatError.BadNameEncoding, 8, "00")]
    [InlineData(DimensionFormatError.BadNameEncoding, 14, "00")]
    [InlineData(DimensionFormatError.NamePaddingNotZero, 15, "20")]
    [InlineData(DimensionFormatError.NamePaddingNotZero, 71, "01")]
    [InlineData(DimensionFormatError.Truncated, 72, "FFFFFFFFFFFFFFFF")]
    [InlineData(DimensionFormatError.Truncated, 79, "80")]
    [InlineData(DimensionFormatError.TrailingData, 72, "0000000000000000")]
    [InlineData(DimensionFormatError.BadLayerCount, 80, "00000000")]
    [InlineData(DimensionFormatError.BadLayerCount, 80, "05000000")]
    [InlineData(DimensionFormatError.BadLayerNumber, 256, "0400")]
    [InlineData(DimensionFormatError.BadLayerNumber, 256, "FFFF")]
    [InlineData(DimensionFormatError.BadFrequency, 259, "0000C07F")]
    [InlineData(DimensionFormatError.BadFrequency, 259, "0000807F")]
    [InlineData(DimensionFormatError.BadFrequency, 259, "000080BF")]
    [InlineData(DimensionFormatError.KeywordPastEnd, 263, "FFFFFFFF")]
    [InlineData(DimensionFormatError.BadKeyword, FirstKeyword, "00000000")]
    [InlineData(DimensionFormatError.BadKeyword, FirstKeyword, "01100000")]
    [InlineData(DimensionFormatError.BadKeyword, FirstKeyword, "FFFFFFFF")]
    [InlineData(DimensionFormatError.KeywordPastEnd, FirstKeyword, "00100000")]
    [InlineData(DimensionFormatError.BadKeyword, FirstKeyword + 5, "00")]
    [InlineData(DimensionFormatError.BadKeywordEncoding, FirstKeyword + 5, "C3")]
    public void Rules_of_both_kinds_of_file_are_named(DimensionFormatError expected, int offset, string bytes)
    {
        foreach (byte[] image in (byte[][])[SampleImages.Plain(), SampleImages.Extended()])
        {
            Convert.FromHexString(bytes).CopyTo(image, offset);
            DimensionFormatException error = Refused(image, expected);
            Assert.InRange(error.Offset, 0, image.Length);
        }
    }

    [Theory]
    [InlineData(DimensionFormatError.UnknownExtension, 100, "58")]
    [InlineData(DimensionFormatError.UnknownExtension, 103, "32")]
    [InlineData(DimensionFormatError.UnknownExtensionVersion, 104, "0200")]
    [InlineData(DimensionFormatError.UnknownExtensionVersion, 104, "0000")]
    [InlineData(DimensionFormatError.UnknownExtensionFlag, 106, "0600")]
    [InlineData(DimensionFormatError.UnknownExtensionFlag, 106, "0280")]
    [InlineData(DimensionFormatError.HeaderChecksum, 108, "00000000")]
    [InlineData(DimensionFormatError.HeaderChecksum, 0, "02000000")]
    [InlineData(DimensionFormatError.HeaderChecksum, 258, "63")]
    [InlineData(DimensionFormatError.MetadataPastEnd, 112, "FFFFFFFF")]
    [InlineData(DimensionFormatError.ReservedNotZero, 106, "0000")]
    [InlineData(DimensionFormatError.ReservedNotZero, 144, "01")]
    [InlineData(DimensionFormatError.ReservedNotZero, 160, "01")]
    [InlineData(DimensionFormatError.ReservedNotZero, 170, "01")]
    [InlineData(DimensionFormatError.ReservedNotZero, 172, "01")]
    [InlineData(DimensionFormatError.ReservedNotZero, 203, "01")]
    [InlineData(DimensionFormatError.ReservedNotZero, 204, "01")]
    [InlineData(DimensionFormatError.ReservedNotZero, 251, "01")]
    [InlineData(DimensionFormatError.ReservedNotZero, 252, "01")]
    [InlineData(DimensionFormatError.ReservedNotZero, 255, "80")]
    [InlineData(DimensionFormatError.UnknownCodec, 168, "05")]
    [InlineData(DimensionFormatError.UnknownCodec, 169, "FF")]
    [InlineData(DimensionFormatError.BadCompressedContent, 152, "01")]
    [InlineData(DimensionFormatError.SizeOverflow, 127, "80")]
    [InlineData(DimensionFormatError.SizeOverflow, 135, "80")]
    [InlineData(DimensionFormatError.BadIndex, 120, "01")]
    [InlineData(DimensionFormatError.BadIndex, 120, "0000")]
    [InlineData(DimensionFormatError.BadIndex, 128, "00000000")]
    public void Rules_of_the_extension_block_are_named(DimensionFormatError expected, int offset, string bytes)
    {
        byte[] image = SampleImages.Extended();
        Convert.FromHexString(bytes).CopyTo(image, offset);
        Refused(image, expected);
    }

    [Fact]
    public void Metadata_length_must_be_where_the_metadata_ends()
    {
        foreach (int wrong in (int[])[-1, 1, -12, 40])
        {
            byte[] image = SampleImages.Extended();
            Change32(image, 112, length => (uint)(length + wrong));
            Refused(image, DimensionFormatError.BadMetadataLength);
        }
    }

    [Fact]
    public void Layers_must_differ_and_ascend()
    {
        byte[] image = SampleImages.Plain();
        int second = SecondLayer(image);
        image[second] = 0;
        Refused(image, DimensionFormatError.DuplicateLayer);
        image[256] = 2;
        image[second] = 1;
        Refused(image, DimensionFormatError.LayersNotAscending);
    }

    [Fact]
    public void Contents_must_lie_apart_inside_the_file()
    {
        byte[] plain = SampleImages.Plain();
        int field = SecondLayer(plain) - 12;
        foreach (byte[] original in (byte[][])[plain, SampleImages.Extended()])
        {
            Refused(With(original, field, 0xFFFFFFFFFFFFFFFF), DimensionFormatError.SizeOverflow);
            Refused(With(original, field, 0x7FFFFFFFFFFFFFFF), DimensionFormatError.SizeOverflow);
            Refused(With(original, field, 0), DimensionFormatError.ContentOutOfBounds);
            Refused(With(original, field, 256), DimensionFormatError.ContentOutOfBounds);
            Refused(With(original, field, (ulong)original.Length), DimensionFormatError.ContentOutOfBounds);
            Refused(With(original, field, 1UL << 40), DimensionFormatError.ContentOutOfBounds);
            int second = SecondLayer(original) + 11 + Metadata(original)[1].KeywordBytes.Length;
            ulong first = BinaryPrimitives.ReadUInt64LittleEndian(original.AsSpan(field));
            Refused(With(original, second, first), DimensionFormatError.ContentsOverlap);
            Refused(With(original, second, first + 1), DimensionFormatError.ContentsOverlap);
        }

        byte[] extended = SampleImages.Extended();
        ulong index = BinaryPrimitives.ReadUInt64LittleEndian(extended.AsSpan(120));
        Refused(With(extended, field, index), DimensionFormatError.ContentsOverlap);
        Refused(With(extended, field, index - 1), DimensionFormatError.ContentsOverlap);
    }

    [Fact]
    public void An_index_must_end_with_the_file()
    {
        byte[] image = SampleImages.Extended();
        ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(120));
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(128));
        Refused(With(image, 128, length - 64), DimensionFormatError.BadIndex);
        Refused(With(image, 120, offset + 64), DimensionFormatError.BadIndex);
        byte[] overlapping = With(image, 120, offset - 64);
        BinaryPrimitives.WriteUInt64LittleEndian(overlapping.AsSpan(128), length + 64);
        Refused(overlapping, DimensionFormatError.ContentsOverlap);
    }

    [Fact]
    public void Metadata_that_runs_past_a_plain_file_is_named()
    {
        byte[] image = SampleImages.Plain();
        foreach (int length in (int[])[256, 260, 266])
        {
            Refused(Cut(image, length), DimensionFormatError.MetadataPastEnd);
        }

        Refused(Cut(image, 270), DimensionFormatError.KeywordPastEnd);
        int tail = SecondLayer(image) - 12;
        Refused(Cut(image, tail), DimensionFormatError.MetadataPastEnd);
        Refused(Cut(image, tail + 11), DimensionFormatError.MetadataPastEnd);
    }

    [Fact]
    public void Every_length_but_its_own_is_refused()
    {
        foreach ((string name, byte[] image) in SampleImages.All())
        {
            for (int length = 0; length < image.Length; length++)
            {
                DimensionFormatException error = Refused(image[..length], length < 256 ? DimensionFormatError.TooShort : DimensionFormatError.Truncated);
                Assert.True(error.Message.Length > 0, name);
            }

            Refused([.. image, 0], DimensionFormatError.TrailingData);
        }
    }

    [Fact]
    public void A_claim_of_many_keywords_costs_nothing()
    {
        byte[] image = SampleImages.Plain();
        BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(263), uint.MaxValue);
        Refused(image, DimensionFormatError.KeywordPastEnd);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused(image, DimensionFormatError.KeywordPastEnd);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 16_384);
    }

    [Fact]
    public void An_error_names_file_rule_place_and_both_values()
    {
        byte[] image = SampleImages.Plain();
        image[80] = 9;
        DimensionFormatException error = Assert.Throws<DimensionFormatException>(() => DimensionDescriptor.Parse(image, image.Length, "D01.mmap"));
        Assert.Equal("D01.mmap", error.FilePath);
        Assert.Equal(80, error.Offset);
        Assert.Equal("1 to 4", error.Expected);
        Assert.Equal("9", error.Found);
        Assert.Equal("D01.mmap: BadLayerCount at offset 80: expected 1 to 4, found 9. Mend what wrote the file, or make it anew.", error.Message);
        Assert.Equal("other", error.InFile("other").FilePath);
    }

    [Fact]
    public void Every_rejection_says_what_to_do()
    {
        foreach (DimensionFormatError error in Enum.GetValues<DimensionFormatError>())
        {
            string message = new DimensionFormatException(error, 0, "this", "that", "f").Message;
            Assert.Matches(@"^f: [A-Za-z0-9]+ at offset 0: expected this, found that\. [A-Z].+\.$", message);
        }
    }

    [Fact]
    public void An_immutable_dimension_needs_its_seal()
    {
        foreach (bool plain in (bool[])[true, false])
        {
            byte[] image = new ImageAssembler { Id = 14, Plain = plain }.AddEntry(0, "x", "k").Build();
            DimensionDescriptor descriptor = DimensionDescriptor.Parse(image, image.Length);
            Assert.Equal(DimensionFormatError.MissingSeal, Assert.Throws<DimensionFormatException>(() => descriptor.RequireSeal("D14.mmap")).Error);
        }

        byte[] sealedImage = SampleImages.Sealed();
        DimensionDescriptor.Parse(sealedImage, sealedImage.Length).RequireSeal(null);
        byte[] mutable = SampleImages.Extended();
        DimensionDescriptor.Parse(mutable, mutable.Length).RequireSeal(null);
    }

    private static DimensionFormatException Refused(byte[] image, DimensionFormatError expected)
    {
        DimensionFormatException error = Assert.Throws<DimensionFormatException>(() => DimensionDescriptor.Parse(image, image.Length));
        Assert.Equal(expected, error.Error);
        return error;
    }

    private static IReadOnlyList<LayerDescriptor> Metadata(byte[] image) => DimensionDescriptor.Parse(image, image.Length).Layers;

    private static int SecondLayer(byte[] image) => 256 + 11 + Metadata(image)[0].KeywordBytes.Length + 12;

    private static byte[] With(byte[] image, int offset, ulong value)
    {
        byte[] changed = [.. image];
        BinaryPrimitives.WriteUInt64LittleEndian(changed.AsSpan(offset), value);
        return changed;
    }

    private static void Change32(byte[] image, int offset, Func<uint, uint> change)
        => BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(offset), change(BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(offset))));

    private static byte[] Cut(byte[] image, int length)
    {
        byte[] cut = image[..length];
        BinaryPrimitives.WriteInt64LittleEndian(cut.AsSpan(72), length);
        return cut;
    }
}
