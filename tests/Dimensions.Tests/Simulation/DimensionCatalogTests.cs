using System.Text;

namespace DimensionStore.Tests.Simulation;

public sealed class DimensionCatalogTests
{
    private const string Valid =
        """
        {
          "version": 1,
          "dimensions": [
            {
              "id": 1,
              "name": "One",
              "layers": [
                { "layer": 0, "depth": 2, "frequency": 1.5, "keywords": ["a", "b"], "entries": [ { "keywords": ["A"], "text": "x" }, { "keywords": ["b"], "text": "y" } ] },
                { "layer": 3, "depth": 3, "frequency": 0, "keywords": [], "entries": [] }
              ]
            },
            { "id": 15, "name": "Füfzehn", "layers": [ { "layer": 1, "depth": 0, "frequency": 2e-3, "keywords": [], "entries": [] } ] }
          ]
        }
        """;

    [Fact]
    public void A_catalog_of_the_described_form_is_read_whole()
    {
        DimensionCatalog catalog = DimensionCatalog.Parse("test.json", Encoding.UTF8.GetBytes(Valid));

        Assert.Equal([1, 15], catalog.Dimensions.Select(d => d.Id.Value));
        CatalogDimension one = catalog.Dimensions[0];
        Assert.Equal("One", one.Name);
        Assert.Equal([0, 3], one.Layers.Select(l => l.Layer));
        Assert.Equal((byte)2, one.Layers[0].Depth);
        Assert.Equal(1.5f, one.Layers[0].Frequency);
        Assert.Equal(["a", "b"], one.Layers[0].Keywords);
        Assert.Equal(["x", "y"], one.Layers[0].Entries.Select(e => e.Text));
        Assert.Equal(["A"], one.Layers[0].Entries[0].Keywords);
        Assert.Same(catalog.Dimensions[1], catalog.Find(new DimensionId(15)));
        Assert.Null(catalog.Find(new DimensionId(2)));
    }

    [Fact]
    public void A_byte_order_mark_is_skipped() =>
        Assert.Equal(2, DimensionCatalog.Parse("test.json", Encoding.UTF8.GetBytes('\uFEFF' + Valid)).Dimensions.Count);

    [Theory]
    [InlineData("\"version\": 1", "\"version\": 2", "$.version (line 2): found 2, expected a whole number from 1 to 1")]
    [InlineData("\"version\": 1,", "", "property \"version\" is missing")]
    [InlineData("\"version\": 1", "\"version\": 1, \"version\": 1", "$.version (line 2): the property is there twice")]
    [InlineData("\"name\": \"One\"", "\"title\": \"One\"", "$.dimensions[0].title (line 6): unknown property; the object has \"id\", \"name\", \"layers\"")]
    [InlineData("\"name\": \"One\"", "\"name\": 1", "$.dimensions[0].name (line 6): found 1, expected a name: a string")]
    [InlineData("\"name\": \"One\"", "\"name\": \" \"", "$.dimensions[0].name (line 6): a name is empty")]
    [InlineData("\"name\": \"One\"", "\"name\": \"a\\u0000b\"", "control character U+0000")]
    [InlineData("\"name\": \"One\"", "\"name\": \"\\ud800\"", "not valid Unicode")]
    [InlineData("\"One\"", "\"12345678901234567890123456789012345678901234567890123456789012345\"", "a name has 65 bytes of UTF-8, at most 64")]
    [InlineData("\"id\": 15", "\"id\": 1", "$.dimensions[1].id (line 12): dimension 1 follows 1")]
    [InlineData("\"id\": 15", "\"id\": 65536", "expected a whole number from 1 to 65535")]
    [InlineData("\"id\": 15", "\"id\": 0", "expected a whole number from 1 to 65535")]
    [InlineData("\"id\": 15", "\"id\": \"D15\"", "found \"D15\", expected a whole number")]
    [InlineData("\"id\": 15", "\"id\": 1.5", "found 1.5, expected a whole number")]
    [InlineData("\"layer\": 3", "\"layer\": 0", "$.dimensions[0].layers[1].layer (line 9): layer 0 follows 0")]
    [InlineData("\"layer\": 3", "\"layer\": 4", "expected a whole number from 0 to 3")]
    [InlineData("\"depth\": 2", "\"depth\": 256", "expected a whole number from 0 to 255")]
    [InlineData("\"frequency\": 1.5", "\"frequency\": NaN", "not JSON")]
    [InlineData("\"frequency\": 1.5", "\"frequency\": 1e40", "$.dimensions[0].layers[0].frequency (line 8): found 1e40, expected a frequency")]
    [InlineData("\"frequency\": 1.5", "\"frequency\": -0.1", "expected a frequency in hertz: a finite number, zero or more")]
    [InlineData("\"frequency\": 1.5", "\"frequency\": null", "found null, expected a frequency")]
    [InlineData("[\"a\", \"b\"]", "[\"a\", \"c\"]", "keyword \"c\" of layer 0 belongs to none of its entries")]
    [InlineData("[\"a\", \"b\"]", "[\"a\", \"A\"]", "$.dimensions[0].layers[0].keywords[1] (line 8): keyword \"A\" is there twice")]
    [InlineData("[\"a\", \"b\"]", "\"a\"", "$.dimensions[0].layers[0].keywords (line 8): found \"a\", expected an array")]
    [InlineData("[\"a\", \"b\"]", "[\"a\", {}]", "keywords[1] (line 8): found an object, expected a keyword")]
    [InlineData("\"text\": \"x\"", "\"text\": \"\"", "$.dimensions[0].layers[0].entries[0].text (line 8): a text is empty")]
    [InlineData(", \"text\": \"y\"", "", "$.dimensions[0].layers[0].entries[1] (line 8): property \"text\" is missing")]
    [InlineData("[ { \"layer\": 1, \"depth\": 0, \"frequency\": 2e-3, \"keywords\": [], \"entries\": [] } ]", "[]", "$.dimensions[1].layers (line 12): a dimension has one to four layers")]
    public void Anything_else_is_refused_with_file_path_line_and_expectation(string from, string to, string expected)
    {
        string json = Valid.Replace(from, to, StringComparison.Ordinal);
        Assert.NotEqual(Valid, json);

        InvalidCatalogException error = Assert.Throws<InvalidCatalogException>(() => DimensionCatalog.Parse("test.json", Encoding.UTF8.GetBytes(json)));

        Assert.Equal("test.json", error.SourceName);
        Assert.StartsWith("test.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"version\":1,\"dimensions\":[]}")]
    [InlineData("// a comment\n{}")]
    public void What_is_no_catalog_at_all_is_refused(string json) =>
        Assert.Throws<InvalidCatalogException>(() => DimensionCatalog.Parse("test.json", Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Every_truncation_and_every_byte_replaced_gives_a_catalog_or_the_typed_error()
    {
        byte[] json = Encoding.UTF8.GetBytes(Valid);
        for (int length = 0; length < json.Length; length++)
        {
            Assert.Throws<InvalidCatalogException>(() => DimensionCatalog.Parse("test.json", json.AsSpan(0, length)));
        }

        int refused = 0;
        for (int i = 0; i < json.Length; i++)
        {
            foreach (byte other in (byte[])[0, (byte)'"', (byte)'{', (byte)']', (byte)'9', 0x80, 0xFF])
            {
                byte[] changed = [.. json];
                changed[i] = other;
                try
                {
                    _ = DimensionCatalog.Parse("test.json", changed);
                }
                catch (InvalidCatalogException)
                {
                    refused++;
                }
            }
        }

        Assert.True(refused > json.Length, "hardly any damage was noticed");
    }

    [Fact]
    public void A_file_is_read_and_named_in_errors()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            File.WriteAllText(path, Valid);
            Assert.Equal(2, DimensionCatalog.Load(path).Dimensions.Count);
            File.WriteAllText(path, Valid[..^2]);
            Assert.StartsWith(path, Assert.Throws<InvalidCatalogException>(() => DimensionCatalog.Load(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }

        Assert.Throws<FileNotFoundException>(() => DimensionCatalog.Load(path));
    }
}
