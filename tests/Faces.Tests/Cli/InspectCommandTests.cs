using System.Text.Json;
using DimensionStore.Cli;

namespace DimensionStore.Faces.Tests.Cli;

/// <summary><c>show</c> and <c>test</c>.</summary>
public sealed class InspectCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string MakeFile() => Path.Combine(Samples.MakeStore(_directory), "D01.mmap");

    /// <summary>A copy of a file with one byte of layer 0 changed.</summary>
    private string Damage(string file)
    {
        long offset = Tool.Succeed("show", file, "--json").Json.GetProperty("layers")[0].GetProperty("contentOffset").GetInt64();
        byte[] bytes = File.ReadAllBytes(file);
        bytes[offset] ^= 1;
        string damaged = _directory.File("damaged.mmap");
        File.WriteAllBytes(damaged, bytes);
        return damaged;
    }

    [Fact]
    public void Show_json_has_the_fixed_members()
    {
        string file = MakeFile();
        JsonElement json = Tool.Succeed("show", file, "--json").Json;

        Assert.Equal(file, json.GetProperty("file").GetString());
        Assert.Equal(1, json.GetProperty("dimensionId").GetInt32());
        Assert.Equal("Sample 1", json.GetProperty("name").GetString());
        Assert.Equal(new FileInfo(file).Length, json.GetProperty("totalSize").GetInt64());
        Assert.False(json.GetProperty("plain").GetBoolean());
        Assert.False(json.GetProperty("sealed").GetBoolean());
        Assert.True(json.GetProperty("index").GetProperty("length").GetInt64() > 0);
        JsonElement layer = json.GetProperty("layers")[0];
        Assert.Equal(0, layer.GetProperty("layer").GetInt32());
        Assert.Equal(0, layer.GetProperty("depth").GetInt32());
        Assert.Equal(1.5f, layer.GetProperty("frequency").GetSingle());
        Assert.Equal(["Joy", "happiness", "Größe"], layer.GetProperty("keywords").EnumerateArray().Select(keyword => keyword.GetString()));
        Assert.Equal(0, layer.GetProperty("contentOffset").GetInt64() % 64);
        Assert.Equal(System.Text.Encoding.UTF8.GetByteCount(Samples.Layer0), layer.GetProperty("contentSize").GetInt64());
        Assert.Equal("none", layer.GetProperty("codec").GetString());
        Assert.Equal(2, json.GetProperty("layers").GetArrayLength());
    }

    [Fact]
    public void Json_keeps_text_readable()
    {
        Assert.Contains("\"Größe\"", Tool.Succeed("show", MakeFile(), "--json").Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Show_is_a_table_for_people()
    {
        string text = Tool.Succeed("show", MakeFile()).Text;

        Assert.Contains("D01 Sample 1", text, StringComparison.Ordinal);
        Assert.Contains("1.5 Hz", text, StringComparison.Ordinal);
        Assert.Contains("Größe", text, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', text);
    }

    [Fact]
    public void Show_refuses_what_is_no_dimension_file()
    {
        string file = _directory.Write("text.mmap", new string('x', 1000));

        Assert.Contains("BadMagic", Tool.Fail(ExitCodes.Refused, "show", file), StringComparison.Ordinal);
        Assert.Contains("TooShort", Tool.Fail(ExitCodes.Refused, "show", _directory.Write("short.mmap", "x"), "--json"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_file_is_an_input_output_error()
    {
        string file = _directory.File("none.mmap");

        Assert.Contains(file, Tool.Fail(ExitCodes.InputOutput, "show", file), StringComparison.Ordinal);
        Tool.Fail(ExitCodes.InputOutput, "show", _directory.Path);
        ToolResult test = Tool.Run("test", file);
        Assert.Equal(ExitCodes.InputOutput, test.ExitCode);
        Assert.Contains("FAILED", test.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Test_prints_a_line_per_file()
    {
        string file = MakeFile();
        string text = Tool.Succeed("test", file, file).Text;

        Assert.Equal(2, text.Count(c => c == '\n'));
        Assert.All(text.TrimEnd().Split('\n'), line => Assert.StartsWith($"ok      {file}: D01 Sample 1, ", line, StringComparison.Ordinal));
    }

    [Fact]
    public void Test_checks_all_files_and_fails_when_one_does()
    {
        string good = MakeFile();
        string bad = Damage(good);
        string missing = _directory.File("none.mmap");
        ToolResult result = Tool.Run("test", bad, missing, good);

        Assert.Equal(ExitCodes.NotFound, result.ExitCode);
        string[] lines = result.Text.TrimEnd().Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.StartsWith($"FAILED  {bad}: ", lines[0], StringComparison.Ordinal);
        Assert.Contains("LayerChecksum", lines[0], StringComparison.Ordinal);
        Assert.StartsWith($"FAILED  {missing}: ", lines[1], StringComparison.Ordinal);
        Assert.StartsWith($"ok      {good}: ", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public void Test_json_is_an_array_with_the_broken_rule()
    {
        string good = MakeFile();
        string bad = Damage(good);
        ToolResult result = Tool.Run("test", good, bad, "--json");

        Assert.Equal(ExitCodes.NotFound, result.ExitCode);
        Assert.Equal("", result.Error);
        JsonElement first = result.Json[0];
        Assert.True(first.GetProperty("valid").GetBoolean());
        Assert.Equal("D01", first.GetProperty("dimension").GetString());
        Assert.Equal(JsonValueKind.Null, first.GetProperty("error").ValueKind);
        Assert.NotEqual(0, first.GetProperty("checks").GetArrayLength());
        JsonElement second = result.Json[1];
        Assert.Equal(bad, second.GetProperty("file").GetString());
        Assert.False(second.GetProperty("valid").GetBoolean());
        Assert.Equal("LayerChecksum", second.GetProperty("error").GetProperty("kind").GetString());
        Assert.NotEqual("", second.GetProperty("error").GetProperty("message").GetString());
    }

    [Fact]
    public void Test_names_a_failing_file_once()
    {
        string bad = Damage(MakeFile());

        string text = Tool.Run("test", bad).Text;
        Assert.StartsWith($"FAILED  {bad}: LayerChecksum", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Test_gives_a_plain_file_its_whole_size_and_says_what_was_not_checked()
    {
        string source = _directory.Write("s.jsonl", Samples.JsonLines);
        string file = _directory.File("D05.mmap");
        Tool.Succeed("new", file, "--id", "5", "--name", "Temporal", "--from", source, "--plain");

        string text = Tool.Succeed("test", file).Text;
        Assert.Contains($" {new FileInfo(file).Length} bytes;", text.Replace(",", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains("no checksums", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("FILE", "show", "")]
    [InlineData("FILE", "test", "")]
    [InlineData("FILE", "new", "", "--id", "5", "--name", "N", "--from", "-")]
    [InlineData("DIR", "list", "")]
    [InlineData("DIR", "stats", "")]
    [InlineData("DIR", "get", "", "D01:0")]
    [InlineData("KEYWORD", "find", "store", "")]
    [InlineData("--out", "generate", "--out", "")]
    public void An_empty_argument_is_a_usage_error_by_its_name(string name, params string[] arguments)
        => Assert.Contains($"{name} is an empty text", Tool.Fail(ExitCodes.Usage, arguments), StringComparison.Ordinal);

    [Fact]
    public void Test_says_when_a_store_would_miss_the_seal()
    {
        string source = _directory.Write("s.jsonl", Samples.JsonLines);
        string file = _directory.File("D09.mmap");
        Tool.Succeed("new", file, "--id", "7", "--name", "Ethical", "--from", source, "--plain");
        byte[] bytes = File.ReadAllBytes(file);
        bytes[0] = 9;
        File.WriteAllBytes(file, bytes);

        Assert.Contains("no seal", Tool.Succeed("test", file).Text, StringComparison.Ordinal);
    }
}
