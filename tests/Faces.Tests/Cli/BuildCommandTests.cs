using System.Text.Json;
using DimensionStore.Cli;

namespace DimensionStore.Faces.Tests.Cli;

/// <summary><c>generate</c>, <c>import</c> and <c>demo</c>.</summary>
public sealed class BuildCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private static string[] Files(string directory) => [.. Directory.GetFiles(directory).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    [Fact]
    public void Generate_makes_the_fourteen_files()
    {
        string store = _directory.File("made/here");
        JsonElement json = Tool.Succeed("generate", "--out", store, "--json").Json;

        Assert.Equal(Enumerable.Range(1, 14).Select(id => $"D{id:00}.mmap"), Files(store));
        Assert.Equal(14, json.GetProperty("files").GetArrayLength());
        Assert.All(json.GetProperty("files").EnumerateArray(), file => Assert.True(file.GetProperty("entries").GetInt64() > 0));
        Tool.Succeed(["test", .. Directory.GetFiles(store)]);
        Assert.All(Tool.Succeed("list", store, "--json").Json.EnumerateArray(), dimension => Assert.Equal("loaded", dimension.GetProperty("state").GetString()));
        Assert.True(Tool.Succeed("find", store, "joy", "--json").Json.GetArrayLength() > 0);
    }

    [Fact]
    public void Generate_keeps_existing_files_unless_forced_and_immutable_ones_always()
    {
        string store = _directory.File("store");
        Tool.Succeed("generate", "--out", store);
        byte[] sealedBefore = File.ReadAllBytes(Path.Combine(store, "D09.mmap"));

        Assert.Contains("--force", Tool.Fail(ExitCodes.Refused, "generate", "--out", store), StringComparison.Ordinal);

        ToolResult forced = Tool.Succeed("generate", "--out", store, "--force", "--json");
        Assert.Equal(["D09", "D14"], forced.Json.GetProperty("files").EnumerateArray().Where(file => file.GetProperty("kept").GetBoolean()).Select(file => file.GetProperty("dimension").GetString()));
        Assert.Equal(sealedBefore, File.ReadAllBytes(Path.Combine(store, "D09.mmap")));
    }

    [Fact]
    public void Generate_refuses_a_bad_catalog_before_it_writes()
    {
        string catalog = _directory.Write("catalog.json", "{\"version\":1,\"dimensions\":[{\"id\":0}]}");
        string store = _directory.File("store");

        Assert.Contains(catalog, Tool.Fail(ExitCodes.Refused, "generate", "--from", catalog, "--out", store), StringComparison.Ordinal);
        Assert.False(Directory.Exists(store));
        string missing = Tool.Fail(ExitCodes.InputOutput, "generate", "--from", _directory.File("none.json"), "--out", store);
        string file = _directory.Write("file", "x");
        Assert.Contains($"{file} is a file; name a directory", Tool.Fail(ExitCodes.InputOutput, "generate", "--out", file), StringComparison.Ordinal);
        Assert.Contains("none.json does not exist; name a catalog", missing, StringComparison.Ordinal);
    }

    [Fact]
    public void Import_says_what_to_install()
    {
        string error = Tool.Fail(ExitCodes.InputOutput, "import", "wordnet", "--from", _directory.Path, "--out", _directory.File("store"));

        Assert.Contains("wordnet-base", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_directory.File("store")));
    }

    [Fact]
    public void Demo_builds_searches_and_is_idempotent()
    {
        string store = _directory.File("demo");
        string text = Tool.Succeed("demo", "--out", store).Text;

        Assert.DoesNotContain('\e', text);
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 80, line));
        Assert.Contains("14 files made", text, StringComparison.Ordinal);
        Assert.Contains("joy", text, StringComparison.Ordinal);
        byte[] before = File.ReadAllBytes(Path.Combine(store, "D01.mmap"));

        JsonElement again = Tool.Succeed("demo", "--out", store, "--json").Json;
        Assert.All(again.GetProperty("catalog").GetProperty("files").EnumerateArray(), file => Assert.True(file.GetProperty("kept").GetBoolean()));
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(store, "D01.mmap")));
        Assert.All(again.GetProperty("searches").EnumerateArray(), search => Assert.True(search.GetProperty("count").GetInt32() > 0, search.ToString()));
        Assert.Equal(14, again.GetProperty("catalog").GetProperty("stats").GetProperty("dimensionsLoaded").GetInt32());
        Assert.DoesNotContain(Directory.GetFileSystemEntries(store), path => Path.GetFileName(path).StartsWith('.'));

        if (!WordNetImporter.IsInstalled())
        {
            Assert.Equal(JsonValueKind.Null, again.GetProperty("wordNet").ValueKind);
            Assert.Contains("wordnet-base", text, StringComparison.Ordinal);
            return;
        }

        Assert.All(again.GetProperty("wordNet").GetProperty("files").EnumerateArray(), file => Assert.True(file.GetProperty("kept").GetBoolean()));
        Assert.Contains("117,659 synsets", text, StringComparison.Ordinal);
        Assert.True(Tool.Succeed("find", Path.Combine(store, "wordnet"), "serendipity", "--json").Json.GetArrayLength() > 0);
        Tool.Fail(ExitCodes.Refused, "import", "wordnet", "--out", Path.Combine(store, "wordnet"));
        Tool.Fail(ExitCodes.Refused, "import", "wordnet", "--out", Path.Combine(store, "wordnet"), "--force");
    }

    [Fact]
    public void Demo_completes_a_directory_and_keeps_what_is_there()
    {
        string store = Samples.MakeStore(_directory);
        byte[] before = File.ReadAllBytes(Path.Combine(store, "D01.mmap"));
        IReadOnlyList<GeneratedFile> files = DimensionCatalog.Default.GenerateMissing(store, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal([true, .. Enumerable.Repeat(false, 13)], files.Select(file => file.WasKept));
        Assert.Equal("Sample 1", files[0].Name);
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(store, "D01.mmap")));
    }

    [Fact]
    public void Demo_refuses_a_broken_file_instead_of_replacing_it()
    {
        string store = _directory.File("demo");
        Directory.CreateDirectory(store);
        string broken = Path.Combine(store, "D03.mmap");
        File.WriteAllText(broken, "mine");

        Assert.Contains("D03.mmap", Tool.Fail(ExitCodes.Refused, "demo", "--out", store), StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(broken));
    }
}
