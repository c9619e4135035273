using System.Text;
using System.Text.Json;
using DimensionStore.Cli;

namespace DimensionStore.Faces.Tests.Cli;

/// <summary><c>list</c>, <c>get</c>, <c>find</c> and <c>stats</c>.</summary>
public sealed class StoreCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string MakeStore() => Samples.MakeStore(_directory);

    /// <summary>A store whose D01 is good and whose D02 is not a dimension file.</summary>
    private string MakeBrokenStore()
    {
        string store = MakeStore();
        File.WriteAllText(Path.Combine(store, "D02.mmap"), new string('x', 1000));
        return store;
    }

    private static string[] Contents(ToolResult result) => [.. result.Json.EnumerateArray().Select(entry => entry.GetProperty("content").GetString()!)];

    [Fact]
    public void Get_gives_the_layers_bytes_and_nothing_else()
    {
        string store = MakeStore();

        Assert.Equal(Encoding.UTF8.GetBytes(Samples.Layer0), Tool.Succeed("get", store, "D01:0").Output);
        Assert.Equal(Encoding.UTF8.GetBytes(Samples.Layer2), Tool.Succeed("get", store, "d1:2").Output);
    }

    [Fact]
    public void Get_answers_not_found_for_unknown_layers_and_dimensions()
    {
        string store = MakeStore();

        Assert.Contains("D01 has no layer 1", Tool.Fail(ExitCodes.NotFound, "get", store, "D01:1"), StringComparison.Ordinal);
        Assert.Contains("D99", Tool.Fail(ExitCodes.NotFound, "get", store, "D99:0"), StringComparison.Ordinal);
    }

    [Fact]
    public void Get_refuses_a_broken_file()
    {
        Assert.Contains("BadMagic", Tool.Fail(ExitCodes.Refused, "get", MakeBrokenStore(), "D02:0"), StringComparison.Ordinal);
    }

    [Fact]
    public void Get_says_on_standard_error_that_the_simulation_answers()
    {
        ToolResult result = Tool.Run("get", MakeStore(), "D02:0");

        Assert.Equal(ExitCodes.Ok, result.ExitCode);
        Assert.NotEmpty(result.Output);
        Assert.Contains("simulation", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Find_json_has_the_fixed_members_and_locates_the_bytes()
    {
        string store = MakeStore();
        JsonElement json = Tool.Succeed("find", store, "JOY", "--dimension", "D01", "--json").Json;

        Assert.Equal(2, json.GetArrayLength());
        Assert.Equal("Joy", json[0].GetProperty("keyword").GetString());
        foreach (JsonElement entry in json.EnumerateArray())
        {
            Assert.Equal("D01", entry.GetProperty("dimension").GetString());
            Assert.False(entry.GetProperty("simulated").GetBoolean());
            byte[] layer = Tool.Succeed("get", store, $"D01:{entry.GetProperty("layer").GetInt32()}").Output;
            string slice = Encoding.UTF8.GetString(layer, entry.GetProperty("offset").GetInt32(), entry.GetProperty("length").GetInt32());
            Assert.Equal(slice, entry.GetProperty("content").GetString());
            Assert.False(entry.TryGetProperty("contentBase64", out _));
        }
    }

    [Theory]
    [InlineData(new[] { "größe" }, "Größe in Maß und Zahl: 12 µm.")]
    [InlineData(new[] { "joyo", "--prefix" }, "[bold]not markup[/]")]
    [InlineData(new[] { "j?yous", "--wildcard" }, "[bold]not markup[/]")]
    [InlineData(new[] { "[brackets]" }, "[bold]not markup[/]")]
    [InlineData(new[] { "*happi*", "--wildcard" }, "Joy is a short pleasure.")]
    public void Find_takes_keywords_prefixes_and_patterns(string[] question, string expected)
    {
        Assert.Equal([expected], Contents(Tool.Succeed(["find", MakeStore(), .. question, "--dimension", "1", "--json"])));
    }

    [Fact]
    public void Find_is_exact_unless_asked()
    {
        string store = MakeStore();
        ToolResult result = Tool.Run("find", store, "joyou", "--dimension", "D01", "--json");

        Assert.Equal(ExitCodes.NotFound, result.ExitCode);
        Assert.Equal("[]\n", result.Text);
        Assert.Equal(ExitCodes.NotFound, Tool.Run("find", store, "joy*", "--dimension", "D01").ExitCode);
    }

    [Fact]
    public void Find_stops_at_the_limit()
    {
        Assert.Single(Contents(Tool.Succeed("find", MakeStore(), "joy", "--dimension", "D01", "--limit", "1", "--json")));
    }

    [Fact]
    public void Find_shows_content_for_people()
    {
        string text = Tool.Succeed("find", MakeStore(), "joyous", "--dimension", "D01").Text;

        Assert.Contains("[bold]not markup[/]", text, StringComparison.Ordinal);
        Assert.Contains("D01:2", text, StringComparison.Ordinal);
        Assert.Contains("1 entry in 1 dimension.", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 80, line));
    }

    [Fact]
    public void Content_that_is_not_utf8_is_given_as_base64_too()
    {
        string store = _directory.File("binary");
        Directory.CreateDirectory(store);
        byte[] content = [0x61, 0xFF, 0x00, 0x62];
        var options = new DimensionWriterOptions { Id = new DimensionId(1), Name = "Binary" };
        using (var writer = new DimensionFileWriter(Path.Combine(store, "D01.mmap"), options))
        {
            writer.AddEntry(0, ["bytes"], content);
            writer.Complete(TestContext.Current.CancellationToken);
        }

        JsonElement entry = Tool.Succeed("find", store, "bytes", "--dimension", "D01", "--json").Json[0];

        Assert.Equal(content, entry.GetProperty("contentBase64").GetBytesFromBase64());
        Assert.Equal("a\uFFFD\0b", entry.GetProperty("content").GetString());
        Assert.Equal(content, Tool.Succeed("get", store, "D01:0").Output);
        Assert.DoesNotContain('\0', Tool.Succeed("find", store, "bytes", "--dimension", "D01").Text);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Without_files_find_answers_from_the_simulation_and_says_so(bool exists)
    {
        string store = _directory.File("empty");
        if (exists)
        {
            Directory.CreateDirectory(store);
        }

        ToolResult table = Tool.Run("find", store, "joy");
        Assert.Equal(ExitCodes.Ok, table.ExitCode);
        Assert.Contains($"{store} {(exists ? "holds no dimension files" : "does not exist")}; answered from the simulation.", table.Error, StringComparison.Ordinal);
        Assert.Contains("simulation", table.Text, StringComparison.Ordinal);

        ToolResult json = Tool.Run("find", store, "joy", "--json");
        Assert.Equal(ExitCodes.Ok, json.ExitCode);
        Assert.Contains("simulation", json.Error, StringComparison.Ordinal);
        Assert.All(json.Json.EnumerateArray(), entry => Assert.True(entry.GetProperty("simulated").GetBoolean()));
        Assert.NotEqual(0, json.Json.GetArrayLength());
        Assert.Equal(exists, Directory.Exists(store));
    }

    [Fact]
    public void Without_files_stats_and_list_answer_from_the_simulation_and_say_so()
    {
        string store = _directory.File("none");
        ToolResult stats = Tool.Run("stats", store, "--json");
        Assert.Equal(ExitCodes.Ok, stats.ExitCode);
        Assert.Contains("simulation", stats.Error, StringComparison.Ordinal);
        Assert.True(stats.Json.GetProperty("simulated").GetBoolean());
        Assert.True(stats.Json.GetProperty("simulationMode").GetBoolean());
        Assert.Equal(0, stats.Json.GetProperty("dimensionsLoaded").GetInt32());
        Assert.Equal(14, stats.Json.GetProperty("simulatedDimensions").GetInt32());

        ToolResult list = Tool.Run("list", store, "--json");
        Assert.Equal(ExitCodes.Ok, list.ExitCode);
        Assert.Contains("simulation", list.Error, StringComparison.Ordinal);
        Assert.Equal(14, list.Json.GetArrayLength());
        Assert.All(list.Json.EnumerateArray(), dimension => Assert.Equal("simulated", dimension.GetProperty("state").GetString()));
        Assert.All(list.Json.EnumerateArray(), dimension => Assert.Equal(4, dimension.GetProperty("layers").GetArrayLength()));
    }

    [Fact]
    public void Find_names_the_dimensions_that_the_simulation_answers_for()
    {
        ToolResult result = Tool.Run("find", MakeStore(), "*", "--wildcard", "--dimension", "D01", "--dimension", "D02", "--dimension", "D03", "--json");

        Assert.Equal(ExitCodes.Ok, result.ExitCode);
        Assert.Contains("D02, D03 have no file", result.Error, StringComparison.Ordinal);
        Assert.Contains(result.Json.EnumerateArray(), entry => !entry.GetProperty("simulated").GetBoolean());
    }

    [Fact]
    public void A_broken_file_is_reported_and_the_others_answer()
    {
        string store = MakeBrokenStore();

        ToolResult find = Tool.Run("find", store, "größe", "--json");
        Assert.Equal(ExitCodes.Refused, find.ExitCode);
        Assert.Contains("D02.mmap", find.Error, StringComparison.Ordinal);
        Assert.Contains("BadMagic", find.Error, StringComparison.Ordinal);
        Assert.Equal(["Größe in Maß und Zahl: 12 µm."], Contents(find));

        ToolResult list = Tool.Run("list", store, "--json");
        Assert.Equal(ExitCodes.Refused, list.ExitCode);
        JsonElement broken = list.Json.EnumerateArray().Single(dimension => dimension.GetProperty("dimension").GetString() == "D02");
        Assert.Equal("failed", broken.GetProperty("state").GetString());
        Assert.Equal("BadMagic", broken.GetProperty("error").GetProperty("kind").GetString());

        Assert.Equal(ExitCodes.Refused, Tool.Run("stats", store).ExitCode);
    }

    [Fact]
    public void List_json_describes_the_dimensions()
    {
        string store = MakeStore();
        ToolResult result = Tool.Run("list", store, "--json");
        JsonElement first = result.Json[0];

        Assert.Equal(ExitCodes.Ok, result.ExitCode);
        Assert.Equal("D01", first.GetProperty("dimension").GetString());
        Assert.Equal("Sample 1", first.GetProperty("name").GetString());
        Assert.Equal("loaded", first.GetProperty("state").GetString());
        Assert.Equal(new FileInfo(Path.Combine(store, "D01.mmap")).Length, first.GetProperty("sizeBytes").GetInt64());
        Assert.Equal(2, first.GetProperty("layers").GetArrayLength());
        Assert.Equal("simulated", result.Json[1].GetProperty("state").GetString());
    }

    [Fact]
    public void List_and_stats_are_tables_for_people()
    {
        string store = MakeStore();

        Assert.Contains("Sample 1", Tool.Run("list", store).Text, StringComparison.Ordinal);
        Assert.Contains("280.0 MiB", Tool.Run("stats", store).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Stats_json_counts_the_loaded_files()
    {
        JsonElement json = Tool.Run("stats", MakeStore(), "--json").Json;

        Assert.False(json.GetProperty("simulated").GetBoolean());
        Assert.Equal(1, json.GetProperty("dimensionsLoaded").GetInt32());
        Assert.Equal(280L << 20, json.GetProperty("limitBytes").GetInt64());
        Assert.True(json.GetProperty("totalAllocatedBytes").GetInt64() > 0);
        Assert.Equal(JsonValueKind.Number, json.GetProperty("usagePercent").ValueKind);
    }

    [Fact]
    public void Stats_shows_the_allocators_of_the_process()
    {
        string store = MakeStore();
        JsonElement pool = Tool.Run("stats", store, "--json").Json.GetProperty("allocators").EnumerateArray()
            .Single(a => a.GetProperty("name").GetString()!.EndsWith(Path.GetFileName(store), StringComparison.Ordinal));
        Assert.Equal(0, pool.GetProperty("statistics").GetProperty("liveBlocks").GetInt64());
        Assert.Equal(4, pool.GetProperty("groups").GetArrayLength());

        string text = Tool.Run("stats", store, "--map").Text;
        Assert.Contains("Failed allocations so far", text, StringComparison.Ordinal);
        Assert.Contains("nothing is committed", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Stats_writes_a_map_and_keeps_an_existing_file()
    {
        string store = MakeStore();
        string file = _directory.Write("map.svg", "mine");
        Assert.Contains("--force", Tool.Fail(ExitCodes.Refused, "stats", store, "--map-file", file), StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(file));
        Assert.Equal(ExitCodes.Ok, Tool.Run("stats", store, "--map-file", file, "--force").ExitCode);
        Assert.Equal("svg", System.Xml.Linq.XDocument.Load(file).Root!.Name.LocalName);
        Tool.Fail(ExitCodes.Usage, "stats", store, "--map-file", file + ".png");
    }

    [Fact]
    public void A_file_is_not_a_store()
    {
        string file = _directory.Write("file", "x");

        Assert.Contains("is a file", Tool.Fail(ExitCodes.InputOutput, "find", file, "joy"), StringComparison.Ordinal);
    }
}
