using System.Text;
using Microsoft.Win32.SafeHandles;

namespace DimensionStore.Tests.Import;

public sealed class WordNetImporterTests : IDisposable
{
    private readonly WordNetFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Every_synset_becomes_an_entry_of_its_dimension_and_layer()
    {
        WordNetImportResult result = Import();

        Assert.Equal(8, result.SynsetCount);
        Assert.Equal(2 + 3 + 1 + 3 + 1 + 2 + 4 + 26, result.LemmaCount);
        Assert.Equal([1, 9, 10, 11, 13, 14, 15], result.Files.Select(f => f.Id.Value));
        Assert.Equal([2, 1, 1, 1, 1, 1, 1], result.Files.Select(f => f.EntryCount));
        Assert.Equal(["Emotion", "Ethical", "Meta", "Ecological", "Balance", "Security", "Body"], result.Files.Select(f => f.Name));
        Assert.All(result.Files, f => Assert.Equal(Path.Combine(_fixture.Target, f.Id.FileName), f.FilePath));
        Assert.All(result.Files, f => Assert.Equal(new FileInfo(f.FilePath).Length, f.SizeBytes));
        Assert.All(result.Files, f => Assert.Null(DimensionFile.Verify(f.FilePath, TestContext.Current.CancellationToken).Error));
        Assert.Equal(result.Files.Select(f => f.FilePath), Directory.GetFileSystemEntries(_fixture.Target).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("D01", "JOY", 0, "a feeling; \"joy | sorrow\"")]
    [InlineData("D01", "great_joy", 0, "a feeling; \"joy | sorrow\"")]
    [InlineData("D01", "great joy", 0, "a feeling; \"joy | sorrow\"")]
    [InlineData("D01", "enjoy", 1, "feel joy")]
    [InlineData("D11", "Canis familiaris", 0, "an animal that barks")]
    [InlineData("D15", "dog", 0, "a made-up muscle")]
    [InlineData("D15", "o'hara's muscle", 0, "a made-up muscle")]
    [InlineData("D13", "asleep", 2, "(postpositive) of sleep")]
    [InlineData("D10", "word25", 3, "")]
    public void Lemmas_are_found_with_their_gloss(string dimension, string keyword, int layer, string gloss)
    {
        Import();
        using MmapRegion region = MmapRegion.Open(Path.Combine(_fixture.Target, dimension + ".mmap"));

        Assert.True(region.Index.TryFind(keyword, out PostingList postings));
        Assert.Equal(1, postings.Count);
        EntryLocation location = postings[0];
        Assert.Equal(layer, location.Layer);
        Assert.Equal(gloss, Encoding.UTF8.GetString(region.StoredLayer(layer).Slice((int)location.Offset, location.Length)));
    }

    [Fact]
    public void Layers_have_the_frequencies_of_the_catalog_or_the_map()
    {
        Import();
        IReadOnlyList<LayerDescriptor> emotion = DimensionFile.ReadDescriptor(Path.Combine(_fixture.Target, "D01.mmap")).Layers;
        Assert.Equal(DimensionCatalog.Default.Dimensions[0].Layers.Take(2).Select(l => l.Frequency), emotion.Select(l => l.Frequency));
        LayerDescriptor body = Assert.Single(DimensionFile.ReadDescriptor(Path.Combine(_fixture.Target, "D15.mmap")).Layers);
        Assert.Equal(1.3f, body.Frequency);
    }

    [Fact]
    public void The_same_source_gives_the_same_bytes()
    {
        Import();
        string again = Path.Combine(_fixture.Root, "again");
        WordNetImportResult result = WordNetImporter.Import(_fixture.Source, again, cancellationToken: TestContext.Current.CancellationToken);
        Assert.All(result.Files, f => Assert.Equal(File.ReadAllBytes(Path.Combine(_fixture.Target, f.Id.FileName)), File.ReadAllBytes(f.FilePath)));
    }

    [Fact]
    public void Missing_source_files_are_all_named()
    {
        Assert.True(WordNetImporter.IsInstalled(_fixture.Source));
        File.Delete(_fixture.PathOf("data.verb"));
        File.Delete(_fixture.PathOf("data.adv"));
        Assert.False(WordNetImporter.IsInstalled(_fixture.Source));

        FileNotFoundException error = Assert.Throws<FileNotFoundException>(() => Import());

        Assert.Contains("data.verb, data.adv", error.Message, StringComparison.Ordinal);
        Assert.Contains("wordnet-base", error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_fixture.Target));
    }

    [Fact]
    public void Damage_anywhere_stops_before_anything_is_written()
    {
        _fixture["data.adv"] = _fixture["data.adv"][..^1];
        _fixture.Write();
        InvalidEntryException error = Assert.Throws<InvalidEntryException>(() => Import());
        Assert.Equal(3, error.Line);
        Assert.False(Directory.Exists(_fixture.Target));
    }

    [Fact]
    public void A_file_cut_between_lines_is_noticed_by_the_pointers_into_it()
    {
        string verbs = _fixture["data.verb"];
        string firstLine = verbs[WordNetFixture.Licence.Length..];
        _fixture["data.verb"] = verbs[..(WordNetFixture.Licence.Length + firstLine.IndexOf('\n', StringComparison.Ordinal) + 1)];
        _fixture["data.noun"] = _fixture["data.noun"].Replace("00000110 v", "00000220 v", StringComparison.Ordinal);
        _fixture.Write();

        InvalidEntryException error = Assert.Throws<InvalidEntryException>(() => Import());

        Assert.Equal(_fixture.PathOf("data.verb"), error.SourceName);
        Assert.Contains("points to a synset at 220", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Existing_files_stop_the_import_unless_overwriting_is_asked_for()
    {
        string path = PlaceFile("D11.mmap");
        Assert.Equal(path, Assert.Throws<DimensionFileExistsException>(() => Import()).FilePath);
        Assert.Equal([path], Directory.GetFileSystemEntries(_fixture.Target));
        Assert.Equal("old", File.ReadAllText(path));

        Import(overwrite: true);

        Assert.Null(DimensionFile.Verify(path, TestContext.Current.CancellationToken).Error);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_existing_immutable_file_stops_the_import_always(bool overwrite)
    {
        PlaceFile("D01.mmap");
        string path = PlaceFile("D14.mmap");

        ImmutableDimensionException error = Assert.Throws<ImmutableDimensionException>(() => Import(overwrite));

        Assert.Equal(path, error.FilePath);
        Assert.Equal(2, Directory.GetFileSystemEntries(_fixture.Target).Length);
        Assert.All(Directory.GetFiles(_fixture.Target), p => Assert.Equal("old", File.ReadAllText(p)));
    }

    [Fact]
    public void A_cancelled_import_leaves_nothing()
    {
        Assert.ThrowsAny<OperationCanceledException>(() => WordNetImporter.Import(_fixture.Source, _fixture.Target, cancellationToken: new CancellationToken(canceled: true)));
        Assert.False(Directory.Exists(_fixture.Target));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void A_disk_that_fails_for_any_file_leaves_what_was_there(int failingFlush)
    {
        string path = PlaceFile("D11.mmap");

        Assert.Throws<IOException>(() => WordNetImporter.Import(_fixture.Source, _fixture.Target, overwrite: true, progress: null, new FullDisk(failingFlush), TestContext.Current.CancellationToken));

        Assert.Equal([path], Directory.GetFileSystemEntries(_fixture.Target));
        Assert.Equal("old", File.ReadAllText(path));
        // The control: a flush later than the last is never asked for.
        WordNetImporter.Import(_fixture.Source, _fixture.Target, overwrite: true, progress: null, new FullDisk(8), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void All_files_are_whole_before_the_first_gets_its_name_and_nothing_comes_between_the_names()
    {
        PlaceFile("D11.mmap");
        CallOrder order = new();
        WordNetImportResult result = WordNetImporter.Import(_fixture.Source, _fixture.Target, overwrite: true, progress: null, order, TestContext.Current.CancellationToken);

        string calls = string.Concat(order.Calls);
        Assert.Equal(result.Files.Count, calls.Count(c => c == 'R'));
        Assert.Equal(result.Files.Count, calls.Count(c => c == 'F'));
        Assert.EndsWith('L' + new string('R', result.Files.Count) + 'D', calls, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_must_stay_and_appears_meanwhile_leaves_every_name_as_it_was()
    {
        string old = PlaceFile("D11.mmap");
        CallOrder order = new() { OnFlush = number => _ = number == 7 ? PlaceFile("D14.mmap") : null };
        Assert.Throws<ImmutableDimensionException>(
            () => WordNetImporter.Import(_fixture.Source, _fixture.Target, overwrite: true, progress: null, order, TestContext.Current.CancellationToken));

        Assert.DoesNotContain('R', order.Calls);
        Assert.Equal([old, Path.Combine(_fixture.Target, "D14.mmap")], Directory.GetFileSystemEntries(_fixture.Target).Order(StringComparer.Ordinal));
        Assert.Equal("old", File.ReadAllText(old));
    }

    [Fact]
    public void A_rename_that_fails_leaves_each_file_whole_and_the_directory_flushed()
    {
        CallOrder order = new() { FailingRename = 4 };
        Assert.Throws<IOException>(() => WordNetImporter.Import(_fixture.Source, _fixture.Target, overwrite: true, progress: null, order, TestContext.Current.CancellationToken));

        string[] files = Directory.GetFileSystemEntries(_fixture.Target);
        Assert.Equal(3, files.Length);
        Assert.All(files, file => Assert.True(DimensionFile.Verify(file, TestContext.Current.CancellationToken).IsValid));
        Assert.EndsWith("RRRRD", string.Concat(order.Calls), StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_ends_at_one_and_never_goes_back()
    {
        List<WordNetImportProgress> reports = [];
        WordNetImporter.Import(_fixture.Source, _fixture.Target, progress: new Recorder(reports), cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(1, reports[^1].Fraction);
        Assert.Equal(reports.Select(r => r.Fraction).Order(), reports.Select(r => r.Fraction));
    }

    private WordNetImportResult Import(bool overwrite = false) =>
        WordNetImporter.Import(_fixture.Source, _fixture.Target, overwrite, cancellationToken: TestContext.Current.CancellationToken);

    private string PlaceFile(string name)
    {
        Directory.CreateDirectory(_fixture.Target);
        string path = Path.Combine(_fixture.Target, name);
        File.WriteAllText(path, "old");
        return path;
    }

    private sealed class FullDisk(int failingFlush) : FileOperations
    {
        private int _flushes;

        public override void Flush(SafeFileHandle file)
        {
            if (Interlocked.Increment(ref _flushes) == failingFlush)
            {
                throw new IOException("No space left on device");
            }

            base.Flush(file);
        }
    }

    /// <summary>The order of the calls that make files appear: L looks, F flushes a file, R renames, D flushes the directory.</summary>
    private sealed class CallOrder : FileOperations
    {
        private readonly Lock _lock = new();

        public List<char> Calls { get; } = [];

        public Action<int>? OnFlush { get; init; }

        public int FailingRename { get; init; }

        public override SafeFileHandle? OpenExisting(string path)
        {
            Add('L');
            return base.OpenExisting(path);
        }

        public override void Flush(SafeFileHandle file)
        {
            base.Flush(file);
            int number = Add('F');
            OnFlush?.Invoke(number);
        }

        public override void Replace(string temporaryPath, string path)
        {
            ThrowIfFailing(Add('R'));
            base.Replace(temporaryPath, path);
        }

        public override bool TryMoveNew(string temporaryPath, string path)
        {
            ThrowIfFailing(Add('R'));
            return base.TryMoveNew(temporaryPath, path);
        }

        public override void FlushDirectory(string directory)
        {
            Add('D');
            base.FlushDirectory(directory);
        }

        private void ThrowIfFailing(int rename)
        {
            if (rename == FailingRename)
            {
                throw new IOException("injected");
            }
        }

        /// <summary>Notes a call and gives its number among those of its kind.</summary>
        private int Add(char call)
        {
            lock (_lock)
            {
                Calls.Add(call);
                return Calls.Count(c => c == call);
            }
        }
    }

    private sealed class Recorder(List<WordNetImportProgress> reports) : IProgress<WordNetImportProgress>
    {
        public void Report(WordNetImportProgress value) => reports.Add(value);
    }
}
