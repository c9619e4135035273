using System.Text;

namespace DimensionStore.Tests.Import;

public sealed class WordNetMapTests
{
    private const string LexNames =
        "adj.all adj.pert adv.all noun.Tops noun.act noun.animal noun.artifact noun.attribute noun.body noun.cognition noun.communication noun.event "
        + "noun.feeling noun.food noun.group noun.location noun.motive noun.object noun.person noun.phenomenon noun.plant noun.possession noun.process "
        + "noun.quantity noun.relation noun.shape noun.state noun.substance noun.time verb.body verb.change verb.cognition verb.communication "
        + "verb.competition verb.consumption verb.contact verb.creation verb.emotion verb.motion verb.perception verb.possession verb.social "
        + "verb.stative verb.weather adj.ppl";

    private static string Shipped => Encoding.UTF8.GetString(EmbeddedData.Read("DimensionStore.wordnet-map.json"));

    [Fact]
    public void It_names_the_45_files_of_lexnames_in_order() =>
        Assert.Equal(LexNames.Split(' '), Enumerable.Range(0, WordNetMap.FileCount).Select(i => WordNetMap.Default[i].Name));

    [Fact]
    public void Every_core_dimension_gets_something_and_the_rest_has_names()
    {
        WordNetDimension[] dimensions = [.. Enumerable.Range(0, WordNetMap.FileCount).Select(i => WordNetMap.Default[i].Dimension).Distinct()];

        Assert.Equal(Enumerable.Range(1, 18), dimensions.Select(d => d.Id.Value).Order());
        Assert.Equal(DimensionCatalog.Default.Dimensions.Select(d => d.Name), dimensions.Where(d => d.Id.IsCore).OrderBy(d => d.Id).Select(d => d.Name));
        float[] frequencies = [.. dimensions.SelectMany(d => d.Frequencies)];
        Assert.Equal(4 * 18, frequencies.Distinct().Count());
    }

    [Theory]
    [InlineData("noun.feeling", 1, 0)]
    [InlineData("verb.emotion", 1, 1)]
    [InlineData("noun.time", 5, 0)]
    [InlineData("noun.artifact", 7, 0)]
    [InlineData("noun.animal", 11, 0)]
    [InlineData("noun.plant", 11, 0)]
    [InlineData("adj.ppl", 13, 2)]
    [InlineData("adv.all", 10, 3)]
    public void Files_go_where_they_belong(string name, int dimension, int layer)
    {
        WordNetTarget target = Enumerable.Range(0, WordNetMap.FileCount).Select(i => WordNetMap.Default[i]).Single(t => t.Name == name);
        Assert.Equal(dimension, target.Dimension.Id.Value);
        Assert.Equal(layer, target.Layer);
    }

    [Theory]
    [InlineData("\"number\": 7", "\"number\": 8", "$.files[7].number")]
    [InlineData("\"adj.pert\"", "\"pert.adj\"", "begins with none of noun. verb. adj. adv.")]
    [InlineData("\"dimension\": 18", "\"dimension\": 19", "dimension 19 is neither in the catalog nor described")]
    [InlineData("\"id\": 18", "\"id\": 17", "dimension 17 is in the catalog or was described before")]
    [InlineData("\"id\": 18", "\"id\": 9", "dimension 9 is in the catalog or was described before")]
    [InlineData("[1.3, ", "[", "found 3 numbers, expected four")]
    [InlineData("[1.3, ", "[1.3, 1, ", "one number more than the four layers")]
    [InlineData("\"dimensions\": [", "\"places\": [", "unknown property")]
    [InlineData("\"reason\": \"feeling\"", "\"reason\": 5", "expected a reason: a string")]
    [InlineData("}\n  ]\n}", "}, { \"number\": 45, \"name\": \"adj.x\", \"dimension\": 1, \"reason\": \"x\" }\n  ]\n}", "this is one more")]
    [InlineData("{ \"number\": 44, ", "], \"x\": [{ ", "found 44 lexicographer files, expected all 45")]
    public void A_map_that_loses_or_invents_something_is_refused(string from, string to, string expected)
    {
        string json = Shipped.Replace(from, to, StringComparison.Ordinal);
        if (from.StartsWith('{'))
        {
            json = json.Replace("},\n    ]", "}\n    ]", StringComparison.Ordinal);
        }

        Assert.NotEqual(Shipped, json);

        InvalidCatalogException error = Assert.Throws<InvalidCatalogException>(
            () => WordNetMap.Parse("map.json", Encoding.UTF8.GetBytes(json), DimensionCatalog.Default));

        Assert.StartsWith("map.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }
}
