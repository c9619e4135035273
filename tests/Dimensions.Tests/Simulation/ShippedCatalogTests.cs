using System.Text;

namespace DimensionStore.Tests.Simulation;

/// <summary>What data/README.md promises about the catalog as it ships.</summary>
public sealed class ShippedCatalogTests
{
    [Fact]
    public void It_has_the_fourteen_dimensions_of_the_layout()
    {
        Assert.Equal(
            DimensionLayout.Default.Slots.Select(s => (s.Id, s.Name)),
            DimensionCatalog.Default.Dimensions.Select(d => (d.Id, d.Name)));
        Assert.Same(DimensionCatalog.Default, DimensionCatalog.Default);
    }

    [Fact]
    public void Every_dimension_has_four_layers_that_slow_down_with_depth()
    {
        foreach (CatalogDimension dimension in DimensionCatalog.Default.Dimensions)
        {
            Assert.Equal([0, 1, 2, 3], dimension.Layers.Select(l => l.Layer));
            Assert.Equal([0, 1, 2, 3], dimension.Layers.Select(l => (int)l.Depth));
            Assert.Equal(dimension.Layers.Select(l => l.Frequency).OrderDescending(), dimension.Layers.Select(l => l.Frequency));
        }

        float[] frequencies = [.. Layers().Select(l => l.Frequency)];
        Assert.Equal(frequencies.Length, frequencies.Distinct().Count());
        Assert.All(frequencies, f => Assert.InRange(f, 0.1f, 4.5f));
    }

    [Fact]
    public void Every_keyword_shown_is_carried_by_an_entry_and_the_other_way_round()
    {
        foreach (CatalogLayer layer in Layers())
        {
            Assert.InRange(layer.Keywords.Count, 8, 14);
            Assert.InRange(layer.Entries.Count, 4, 8);
            Assert.All(layer.Entries, e => Assert.InRange(e.Keywords.Count, 2, 4));
            Assert.Equal(layer.Keywords.Order(StringComparer.Ordinal), layer.Entries.SelectMany(e => e.Keywords).Distinct().Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public void Texts_are_sentences_and_none_is_there_twice()
    {
        string[] texts = [.. Layers().SelectMany(l => l.Entries).Select(e => e.Text)];
        Assert.Equal(texts.Length, texts.Distinct().Count());
        Assert.All(texts, t => Assert.True(char.IsUpper(t[0]) || t[0] == '"', t));
        Assert.All(texts, t => Assert.Matches("[.?]$", t));
        Assert.All(texts, t => Assert.InRange(Encoding.UTF8.GetByteCount(t), 60, 400));
        Assert.All(texts, t => Assert.DoesNotContain("  ", t, StringComparison.Ordinal));
    }

    private static IEnumerable<CatalogLayer> Layers() => DimensionCatalog.Default.Dimensions.SelectMany(d => d.Layers);
}
