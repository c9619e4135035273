using System.Text;

namespace DimensionStore.Tests.Store;

public sealed class StoreSearchTests
{
    private static readonly DimensionId D01 = new(1);

    [Fact]
    public void A_keyword_is_found_in_any_case_with_all_its_entries()
    {
        using StoreFolder folder = new();
        StoreFolder.WriteEntries(1, folder.PathOf(1), [(0, "Straße", "one"), (2, "straße", "two"), (2, "other", "three")]);
        using MmapManager store = folder.Open();

        using EntryAccess entries = store.Find(D01, "STRASSE".Replace("SS", "ẞ", StringComparison.Ordinal));
        Assert.True(entries.Found);
        Assert.Equal(2, entries.Count);
        Assert.Equal(new EntryLocation(0, 0, 3), entries.LocationOf(0));
        Assert.Equal("two", Encoding.UTF8.GetString(entries.ContentOf(1)));
        Assert.Equal(2, entries.LocationOf(1).Layer);
        try
        {
            entries.ContentOf(2);
            Assert.Fail("There is no third entry.");
        }
        catch (ArgumentOutOfRangeException)
        {
            // A ref struct cannot go into the lambda that Assert.Throws takes.
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("nothing")]
    [InlineData("jo")]
    [InlineData("joy\0")]
    [InlineData("\ud800")]
    public void What_is_not_there_is_not_found(string keyword)
    {
        using StoreFolder folder = new();
        folder.Write(1, "joy");
        StoreFolder.WriteEntries(2, folder.PathOf(2), [(0, "joy", "v")], plain: true);
        using MmapManager store = folder.Open();
        foreach (int id in new[] { 1, 2 })
        {
            using EntryAccess entries = store.Find(new DimensionId(id), keyword);
            Assert.False(entries.Found);
            Assert.Equal(0, entries.Count);
        }

        using EntryAccess tooLong = store.Find(D01, new string('x', 5000));
        Assert.False(tooLong.Found);
    }

    [Fact]
    public void All_dimensions_are_searched_in_order_and_what_failed_is_passed_over()
    {
        using StoreFolder folder = new();
        folder.Write(30, "joy", "join");
        folder.Write(2, "Joy");
        File.WriteAllBytes(folder.PathOf(3), new byte[10]);
        StoreFolder.WriteEntries(1, folder.PathOf(1), [(1, "joy", "plain text"), (1, "sorrow", "!")], plain: true);
        using MmapManager store = folder.Open();

        List<FoundEntry> exact = [.. store.FindEntries("JOY")];
        Assert.Equal([1, 2, 30], exact.Select(e => e.Dimension.Value));
        Assert.Equal(["joy", "Joy", "joy"], exact.Select(e => e.Keyword));
        Assert.Equal(["plain text!", "Joy of D02", "joy of D30"], exact.Select(e => e.Text));
        Assert.Equal((1, 0L, 11), (exact[0].Layer, exact[0].Offset, exact[0].Length));

        Assert.Equal(["joy", "Joy", "join", "joy"], store.FindEntries("Jo", KeywordMatch.Prefix).Select(e => e.Keyword));
        Assert.Equal(["joy", "Joy", "joy"], store.FindEntries("?O*y", KeywordMatch.Wildcard).Select(e => e.Keyword));
        Assert.Equal([2, 30], store.FindEntries("joy", dimensions: [new(30), new(2), new(30)]).Select(e => e.Dimension.Value));
        Assert.Empty(store.FindEntries("nothing"));
        Assert.Throws<DimensionFormatException>(() => store.FindEntries("joy", dimensions: [new(3)]).ToList());
        Assert.Throws<DimensionNotFoundException>(() => store.FindEntries("joy", dimensions: [new(4)]).ToList());
        Assert.Throws<ArgumentException>(() => store.FindEntries(""));
        Assert.Throws<ArgumentOutOfRangeException>(() => store.FindEntries("joy", (KeywordMatch)7));
        Assert.Throws<ArgumentException>(() => store.FindEntries("joy", dimensions: [default]));
    }

    [Fact]
    public void The_simulation_answers_and_says_so()
    {
        using StoreFolder folder = new();
        using MmapManager store = new(folder.Config with { Simulate = true });
        string keyword = DimensionCatalog.Default.Dimensions[0].Layers[0].Entries[0].Keywords[0];

        List<FoundEntry> found = [.. store.FindEntries(keyword)];

        Assert.Contains(found, e => e.Dimension == DimensionCatalog.Default.Dimensions[0].Id && e.Text == DimensionCatalog.Default.Dimensions[0].Layers[0].Entries[0].Text);
        Assert.All(found, e => Assert.True(e.IsSimulated));
        using EntryAccess access = store.Find(DimensionCatalog.Default.Dimensions[0].Id, keyword);
        Assert.True(access.IsSimulated);
    }

    [Fact]
    public void A_simulated_image_is_the_file_that_would_be_generated()
    {
        using StoreFolder folder = new();
        DimensionCatalog.Default.Generate(folder.FullPath, cancellationToken: TestContext.Current.CancellationToken);
        foreach (CatalogDimension dimension in DimensionCatalog.Default.Dimensions)
        {
            Assert.Equal(File.ReadAllBytes(folder.PathOf(dimension.Id.Value)), SimulatedImage.Build(dimension));
        }
    }

    [Fact]
    public void An_enumeration_goes_on_when_a_dimension_is_taken_out_meanwhile()
    {
        using StoreFolder folder = new();
        foreach (int id in new[] { 1, 2, 3 })
        {
            folder.Write(id, "joy");
        }

        using MmapManager store = folder.Open();
        List<int> seen = [];
        foreach (FoundEntry entry in store.FindEntries("joy"))
        {
            seen.Add(entry.Dimension.Value);
            store.UnloadDimension(new DimensionId(2));
        }

        Assert.Equal([1, 3], seen);
    }

    [Fact]
    public void An_index_that_points_outside_its_layer_is_a_typed_error_and_leaves_no_bracket()
    {
        using StoreFolder folder = new();
        folder.Write(1, "joy");
        byte[] file = File.ReadAllBytes(folder.PathOf(1));
        DimensionDescriptor descriptor = DimensionFile.ReadDescriptor(folder.PathOf(1));

        // The one posting is the last record's: offset 0, length 10, found by its length.
        Span<byte> index = file.AsSpan((int)descriptor.IndexOffset);
        int posting = index.LastIndexOf((ReadOnlySpan<byte>)[0, 0, 0, 0, 10, 0, 0, 0]);
        index[posting + 4] = 11;
        File.WriteAllBytes(folder.PathOf(1), file);
        using MmapManager store = folder.Open();

        Assert.Equal(DimensionFormatError.BadIndex, Assert.Throws<DimensionFormatException>(() => store.FindEntries("joy").ToList()).Error);
        Assert.Throws<DimensionFormatException>(() =>
        {
            using EntryAccess entries = store.Find(D01, "joy");
            entries.ContentOf(0);
        });
        Assert.True(Memory.ReaderRegistry.TryDrain(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void A_path_gives_contexts_frequencies_and_what_was_skipped()
    {
        using StoreFolder folder = new();
        folder.Write(1, "a", "b", "c", "d");
        folder.Write(2, "e", "f");
        using MmapManager store = folder.Open();
        store.UnloadDimension(new DimensionId(2));
        LayerId[] path = [new(D01, 1), new(new DimensionId(7), 0), new(D01, 0), new(new DimensionId(2), 0), new(D01, 0), new(D01, 1)];

        NavigationContexts contexts = store.LoadContexts(new NavigationPath(path));

        Assert.Equal([path[0], path[2], path[4], path[5]], contexts.Contexts.Select(c => c.Layer));
        Assert.Equal(["b of D01", "a of D01", "a of D01", "b of D01"], contexts.Contexts.Select(c => Encoding.UTF8.GetString(c.Content.Span)));
        Assert.Equal([200f, 100f, 100f, 200f], contexts.Contexts.Select(c => c.Frequency));
        Assert.All(contexts.Contexts, c => Assert.Equal("Test 1", c.DimensionName));
        Assert.Equal(["b"], contexts.Contexts[0].Keywords);
        Assert.Equal(200f, contexts.DominantFrequency);
        Assert.Equal([path[1], path[3]], contexts.Skipped.Select(s => s.Layer));
        Assert.IsType<DimensionNotFoundException>(contexts.Skipped[0].Reason);
        Assert.IsType<RegionNotFoundException>(contexts.Skipped[1].Reason);
        Assert.Equal(100f, store.LoadContexts(new NavigationPath([path[0], path[2], path[4]])).DominantFrequency);
    }

    [Fact]
    public void An_empty_path_has_no_dominant_frequency()
    {
        using StoreFolder folder = new();
        using MmapManager store = folder.Open();

        NavigationContexts contexts = store.LoadContexts(new NavigationPath([default]));

        Assert.Empty(contexts.Contexts);
        Assert.Single(contexts.Skipped);
        Assert.Null(contexts.DominantFrequency);
        Assert.Null(store.LoadContexts(new NavigationPath([])).DominantFrequency);
    }
}
