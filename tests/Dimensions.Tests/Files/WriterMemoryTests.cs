using System.Runtime.CompilerServices;

namespace DimensionStore.Tests.Files;

/// <summary>Memory is the same for ten times the data, keywords included. Alone, because the garbage collector's figures are the process's.</summary>
[Collection(nameof(WriterMemoryTests))]
[CollectionDefinition(nameof(WriterMemoryTests), DisableParallelization = true)]
public sealed class WriterMemoryTests
{
    private const int MemoryBytes = 512 << 10;

    [Theory]
    [InlineData(LayerCodec.None)]
    [InlineData(LayerCodec.ZLib)]
    [InlineData(LayerCodec.Lz4)]
    [InlineData(LayerCodec.Zstd)]
    public void Ten_times_the_data_takes_the_same_memory(LayerCodec codec)
    {
        Assert.SkipUnless(LayerCodecs.IsAvailable(codec), $"the system has no library for {codec}");
        using TemporaryDirectory directory = new();
        (long peak, long managed, long size) = Write(directory.File("once.mmap"), codec, 4_000);
        (long tenfoldPeak, long tenfoldManaged, long tenfoldSize) = Write(directory.File("tenfold.mmap"), codec, 40_000);
        Assert.InRange(tenfoldSize, 8 * size, 12 * size);
        Assert.InRange(tenfoldSize, 4 * MemoryBytes, long.MaxValue);
        Assert.InRange(peak, 1, MemoryBytes * 5 / 4);
        Assert.InRange(tenfoldPeak, 1, MemoryBytes * 5 / 4);
        // Pooled arrays stay with the process; a buffer that grew with the data would be larger than all of them.
        Assert.InRange(tenfoldManaged - managed, long.MinValue, MemoryBytes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static (long Peak, long Managed, long Size) Write(string path, LayerCodec codec, int entries)
    {
        DimensionWriterOptions options = new()
        {
            Id = new DimensionId(7),
            Name = "Technical",
            MemoryBytes = MemoryBytes,
            Layers = Enumerable.Range(0, 4).ToDictionary(i => i, _ => new LayerSettings { Codec = codec }),
        };
        using DimensionFileWriter writer = new(path, options);
        byte[] content = new byte[60];
        Random random = new(3);
        string[] keywords = new string[2];
        for (int i = 0; i < entries; i++)
        {
            random.NextBytes(content);
            keywords[0] = $"Keyword {i:x8}";
            keywords[1] = $"{i % 100:x} shared by many";
            writer.AddEntry(i % 4, keywords, content);
        }

        long managed = GC.GetTotalMemory(forceFullCollection: true);
        DimensionDescriptor descriptor = writer.Complete(TestContext.Current.CancellationToken);
        return (writer.Composer.Memory.Peak, managed, descriptor.TotalSize);
    }
}
