using System.Text;

namespace DimensionStore.Tests.Simulation;

public sealed class CatalogGenerateTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("catalog-").FullName;

    private string Target => Path.Combine(_root, "store");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Every_keyword_that_is_shown_is_found_with_its_text()
    {
        IReadOnlyList<GeneratedFile> files = Generate();

        Assert.Equal(Enumerable.Range(1, 14).Select(i => $"D{i:00}.mmap"), Directory.GetFileSystemEntries(Target).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        foreach ((GeneratedFile file, CatalogDimension dimension) in files.Zip(DimensionCatalog.Default.Dimensions))
        {
            Assert.Equal((dimension.Id, dimension.Name, false), (file.Id, file.Name, file.WasKept));
            Assert.Equal(dimension.Layers.Sum(l => l.Entries.Count), file.EntryCount);
            Assert.Equal(new FileInfo(file.FilePath).Length, file.SizeBytes);
            using MmapRegion region = MmapRegion.Open(file.FilePath);
            Assert.Equal((dimension.Id, dimension.Name, dimension.Id.IsImmutable), (region.Descriptor.Id, region.Descriptor.Name, region.Descriptor.IsSealed));
            Assert.Equal(dimension.Layers.Select(l => (l.Layer, l.Depth, l.Frequency)), region.Descriptor.Layers.Select(l => (l.Layer, l.Depth, l.Frequency)));
            foreach ((CatalogLayer layer, LayerDescriptor descriptor) in dimension.Layers.Zip(region.Descriptor.Layers))
            {
                Assert.Equal(layer.Keywords, descriptor.Keywords);
                Assert.All(layer.Entries, e => Assert.All(e.Keywords, k => Assert.Contains(e.Text, TextsOf(region, k, layer.Layer))));
            }
        }
    }

    [Fact]
    public void The_same_catalog_gives_the_same_bytes()
    {
        IReadOnlyList<GeneratedFile> files = Generate();
        IReadOnlyList<GeneratedFile> again = DimensionCatalog.Default.Generate(Path.Combine(_root, "again"), cancellationToken: TestContext.Current.CancellationToken);
        Assert.All(files.Zip(again), pair => Assert.Equal(File.ReadAllBytes(pair.First.FilePath), File.ReadAllBytes(pair.Second.FilePath)));
    }

    [Fact]
    public void An_existing_file_stops_it_before_anything_is_written()
    {
        Directory.CreateDirectory(Target);
        string path = Path.Combine(Target, "D13.mmap");
        File.WriteAllText(path, "mine");

        Assert.Equal(path, Assert.Throws<DimensionFileExistsException>(() => Generate()).FilePath);

        Assert.Equal([path], Directory.GetFileSystemEntries(Target));
        Assert.Equal("mine", File.ReadAllText(path));
    }

    [Fact]
    public void Overwriting_replaces_all_but_the_immutable_and_the_sealed()
    {
        Directory.CreateDirectory(Target);
        File.WriteAllText(Path.Combine(Target, "D01.mmap"), "to be replaced");
        File.WriteAllText(Path.Combine(Target, "D09.mmap"), "to be kept");
        using (DimensionFileWriter writer = new(Path.Combine(_root, "D14.mmap"), new DimensionWriterOptions { Id = new DimensionId(14), Name = "x" }))
        {
            writer.AddLayer(0);
            writer.Complete(TestContext.Current.CancellationToken);
        }

        // A sealed file is immutable whatever its name says.
        string sealedPath = Path.Combine(Target, "D02.mmap");
        File.Move(Path.Combine(_root, "D14.mmap"), sealedPath);
        long sealedSize = new FileInfo(sealedPath).Length;

        IReadOnlyList<GeneratedFile> files = Generate(overwrite: true);

        Assert.Equal([2, 9], files.Where(f => f.WasKept).Select(f => f.Id.Value));
        Assert.Equal([sealedSize, 10L], files.Where(f => f.WasKept).Select(f => f.SizeBytes));
        Assert.All(files.Where(f => f.WasKept), f => Assert.Equal(0, f.EntryCount));
        Assert.Equal("to be kept", File.ReadAllText(Path.Combine(Target, "D09.mmap")));
        DimensionImage.Verify(File.ReadAllBytes(Path.Combine(Target, "D01.mmap")));
        Assert.Equal(14, Directory.GetFileSystemEntries(Target).Length);
    }

    [Fact]
    public void Missing_files_are_made_and_sound_ones_kept()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        Generate();
        byte[] bytes = File.ReadAllBytes(Path.Combine(Target, "D05.mmap"));
        File.Delete(Path.Combine(Target, "D05.mmap"));

        Assert.Equal([5], DimensionCatalog.Default.GenerateMissing(Target, cancellationToken: cancellation).Where(f => !f.WasKept).Select(f => f.Id.Value));
        Assert.Equal(bytes, File.ReadAllBytes(Path.Combine(Target, "D05.mmap")));

        File.Delete(Path.Combine(Target, "D05.mmap"));
        bytes[^1] ^= 1;
        File.WriteAllBytes(Path.Combine(Target, "D06.mmap"), bytes);
        Assert.Throws<DimensionFormatException>(() => DimensionCatalog.Default.GenerateMissing(Target, cancellationToken: cancellation));
        Assert.False(File.Exists(Path.Combine(Target, "D05.mmap")));
    }

    [Fact]
    public void Cancelling_stops_between_files()
    {
        using CancellationTokenSource source = new();
        Assert.Throws<OperationCanceledException>(() => DimensionCatalog.Default.Generate(Target, progress: new CancelAfter(source, 3), cancellationToken: source.Token));
        Assert.Equal(["D01.mmap", "D02.mmap", "D03.mmap"], Directory.GetFileSystemEntries(Target).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_dimension_larger_than_its_place_is_refused()
    {
        string entries = string.Join(",\n", Enumerable.Repeat($$"""{ "keywords": [], "text": "{{new string('x', 1 << 20)}}" }""", 5));
        DimensionCatalog catalog = DimensionCatalog.Parse(
            "large.json",
            Encoding.UTF8.GetBytes($$"""{ "version": 1, "dimensions": [ { "id": 14, "name": "S", "layers": [ { "layer": 0, "depth": 0, "frequency": 1, "keywords": [], "entries": [ {{entries}} ] } ] } ] }"""));
        Assert.Throws<Memory.LimitExceededException>(() => catalog.Generate(Target, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Empty(Directory.GetFileSystemEntries(Target));
    }

    private static List<string> TextsOf(MmapRegion region, string keyword, int layer)
    {
        List<string> texts = [];
        Assert.True(region.Index.TryFind(keyword, out PostingList postings), keyword);
        for (int i = 0; i < postings.Count; i++)
        {
            EntryLocation location = postings[i];
            if (location.Layer == layer)
            {
                texts.Add(Encoding.UTF8.GetString(region.StoredLayer(layer).Slice((int)location.Offset, location.Length)));
            }
        }

        return texts;
    }

    private IReadOnlyList<GeneratedFile> Generate(bool overwrite = false) =>
        DimensionCatalog.Default.Generate(Target, overwrite, cancellationToken: TestContext.Current.CancellationToken);

    private sealed class CancelAfter(CancellationTokenSource source, int files) : IProgress<GeneratedFile>
    {
        private int _files;

        public void Report(GeneratedFile value)
        {
            if (++_files == files)
            {
                source.Cancel();
            }
        }
    }
}
