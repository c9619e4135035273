using System.Buffers;
using System.IO.Compression;
using DimensionStore.Memory.Native;

namespace DimensionStore.Tests.Format;

/// <summary>Small images that the tests damage.</summary>
internal static class SampleImages
{
    public static byte[] Plain() => Entries(new ImageAssembler { Plain = true, Id = 1, Name = "Emotion" }).Build();

    public static byte[] Extended() => Entries(new ImageAssembler { Id = 1, Name = "Emotion" }).Build();

    public static byte[] Sealed() => Entries(new ImageAssembler { Id = 9, Name = "Ethics", Sealed = true }).Build();

    public static byte[] WithoutIndex() => Entries(new ImageAssembler { Id = 2, Name = "Logic", HasIndex = false }).Build();

    public static byte[] Compressed()
    {
        var assembler = new ImageAssembler { Id = 7, Name = "Technical" };
        assembler.AddLayer(0, 0, 432.5f, codec: 1);
        assembler.AddLayer(1, 1, 528f, codec: 2);
        return Entries(assembler).Build();
    }

    public static byte[] CompressedByLibraries()
    {
        var assembler = new ImageAssembler { Id = 7, Name = "Technical" };
        assembler.AddLayer(0, 0, 432.5f, codec: (int)LayerCodec.Lz4);
        assembler.AddLayer(1, 1, 528f, codec: (int)LayerCodec.Zstd);
        return Entries(assembler).AddEntry(0, string.Concat(Enumerable.Repeat("Joy, ", 20))).AddEntry(1, string.Concat(Enumerable.Repeat("grief, ", 20))).Build();
    }

    public static byte[] ManyKeys(int count)
    {
        var assembler = new ImageAssembler { Id = 3, Name = "Many" };
        for (int i = 0; i < count; i++)
        {
            assembler.AddEntry(i % 4, $"content {i}", $"Key {i * 7919 % count:D4}", i % 5 == 0 ? "shared" : $"a rather long second keyword, number {i}");
        }

        return assembler.Build();
    }

    public static IEnumerable<(string Name, byte[] Image)> All()
    {
        yield return ("plain", Plain());
        yield return ("extended", Extended());
        yield return ("sealed", Sealed());
        yield return ("without index", WithoutIndex());
        yield return ("compressed", Compressed());
        if (LayerCodecs.IsAvailable(LayerCodec.Lz4) && LayerCodecs.IsAvailable(LayerCodec.Zstd))
        {
            yield return ("compressed by libraries", CompressedByLibraries());
        }

        yield return ("many keys", ManyKeys(100));
        yield return ("empty layer", new ImageAssembler().AddEntry(2, "", "nothing").Build());
    }

    /// <summary>Verifies an image in full.</summary>
    public static DimensionDescriptor Verify(byte[] image) => DimensionImage.Verify(image);

    /// <summary>A layer's content, decompressed.</summary>
    public static byte[] Content(byte[] image, LayerDescriptor layer)
    {
        using var stored = new MemoryStream(image, (int)layer.ContentOffset, (int)layer.ContentSize, writable: false);
        using Stream content = layer.Codec switch
        {
            LayerCodec.Brotli => new BrotliStream(stored, CompressionMode.Decompress),
            LayerCodec.ZLib => new ZLibStream(stored, CompressionMode.Decompress),
            LayerCodec.None => stored,
            _ => new MemoryStream(DecodeFrame(layer.Codec, image.AsSpan((int)layer.ContentOffset, (int)layer.ContentSize))),
        };
        using var copy = new MemoryStream();
        content.CopyTo(copy);
        return copy.ToArray();
    }

    /// <summary>Decodes a frame with its library in one call, without the product's decompressor.</summary>
    public static byte[] DecodeFrame(LayerCodec codec, ReadOnlySpan<byte> stored)
    {
        using NativeDecoder decoder = codec == LayerCodec.Lz4 ? CompressionLibraries.Lz4!.NewDecoder() : CompressionLibraries.Zstd!.NewDecoder(27);
        byte[] content = new byte[1 << 24];
        OperationStatus status = decoder.Decode(stored, content, out int consumed, out int written);
        return status == OperationStatus.Done && consumed == stored.Length ? content[..written] : throw new InvalidDataException($"{status} after {consumed} of {stored.Length} bytes.");
    }

    private static ImageAssembler Entries(ImageAssembler assembler) => assembler
        .AddEntry(0, "A feeling of great pleasure.", "Joy", "happiness")
        .AddEntry(0, "Freude, schöner Götterfunken", "Freude", "JOY", "Götterfunken")
        .AddEntry(1, "Grief is the price we pay for love.", "grief", "ΛΎΠΗ");
}
