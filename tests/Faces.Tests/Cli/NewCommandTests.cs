using System.Text;
using System.Text.Json;
using DimensionStore.Cli;

namespace DimensionStore.Faces.Tests.Cli;

public sealed class NewCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string New(string source, params string[] more)
    {
        string file = _directory.File("D01.mmap");
        Tool.Succeed(["new", file, "--id", "1", "--name", "Sample", "--from", source, .. more]);
        return file;
    }

    private void AssertNoFiles() => Assert.Empty(Directory.GetFiles(_directory.Path, "*.mmap*"));

    [Theory]
    [InlineData("source.jsonl", Samples.JsonLines)]
    [InlineData("source.JSONL", Samples.JsonLines)]
    [InlineData("source.csv", Samples.Csv)]
    public void A_file_is_made_from_a_source(string name, string text)
    {
        New(_directory.Write(name, text));

        Assert.Equal(Samples.Layer0, Tool.Succeed("get", _directory.Path, "D01:0").Text);
        Assert.Equal(Samples.Layer2, Tool.Succeed("get", _directory.Path, "D01:2").Text);
    }

    [Fact]
    public void A_file_is_made_from_standard_input()
    {
        string file = _directory.File("D01.mmap");
        ToolResult result = Tool.RunWith(Encoding.UTF8.GetBytes(Samples.JsonLines), "new", file, "--id", "D01", "--name", "Sample", "--from", "-");

        Assert.Equal("", result.Error);
        Assert.Equal(ExitCodes.Ok, result.ExitCode);
        Assert.Equal(Samples.Layer0, Tool.Succeed("get", _directory.Path, "D01:0").Text);
    }

    [Fact]
    public void The_same_entries_give_the_same_bytes_whatever_the_source()
    {
        string source = _directory.Write("source.jsonl", Samples.JsonLines);
        byte[] first = File.ReadAllBytes(New(source));
        byte[] second = File.ReadAllBytes(New(_directory.Write("source.csv", Samples.Csv), "--force"));

        Assert.Equal(first, second);
    }

    [Fact]
    public void It_says_what_was_made()
    {
        string source = _directory.Write("source.jsonl", Samples.JsonLines);
        string file = _directory.File("D05.mmap");
        string text = Tool.Succeed("new", file, "--id", "5", "--name", "Zeit", "--from", source).Text;

        Assert.StartsWith($"{file}: D05 Zeit, 2 layers, 4 entries, ", text, StringComparison.Ordinal);
        Assert.Equal(1, text.Count(c => c == '\n'));
    }

    [Fact]
    public void Json_describes_the_file()
    {
        string source = _directory.Write("source.jsonl", Samples.JsonLines);
        string file = _directory.File("D05.mmap");
        JsonElement json = Tool.Succeed("new", file, "--id", "5", "--name", "Zeit", "--from", source, "--json").Json;

        Assert.Equal(4, json.GetProperty("entries").GetInt64());
        Assert.Equal(5, json.GetProperty("dimensionId").GetInt32());
        Assert.Equal("Zeit", json.GetProperty("name").GetString());
        Assert.Equal(new FileInfo(file).Length, json.GetProperty("totalSize").GetInt64());
    }

    [Fact]
    public void Layers_take_their_settings()
    {
        string file = New(_directory.Write("s.jsonl", Samples.JsonLines), "--frequency", "4", "--frequency", "2=0.5", "--depth", "2=9", "--codec", "0=brotli", "--codec", "2=ZLIB");
        JsonElement layers = Tool.Succeed("show", file, "--json").Json.GetProperty("layers");

        Assert.Equal(4f, layers[0].GetProperty("frequency").GetSingle());
        Assert.Equal(0.5f, layers[1].GetProperty("frequency").GetSingle());
        Assert.Equal(0, layers[0].GetProperty("depth").GetInt32());
        Assert.Equal(9, layers[1].GetProperty("depth").GetInt32());
        Assert.Equal("brotli", layers[0].GetProperty("codec").GetString());
        Assert.Equal("zlib", layers[1].GetProperty("codec").GetString());
    }

    [Theory]
    [InlineData("lz4", LayerCodec.Lz4)]
    [InlineData("ZSTD", LayerCodec.Zstd)]
    public void Layers_are_stored_with_the_systems_libraries(string name, LayerCodec codec)
    {
        Assert.SkipUnless(LayerCodecs.IsAvailable(codec), $"the system has no library for {codec}");
        string file = New(_directory.Write("s.jsonl", Samples.JsonLines), "--codec", name);
        JsonElement layer = Tool.Succeed("show", file, "--json").Json.GetProperty("layers")[0];

        Assert.Equal(name.ToLowerInvariant(), layer.GetProperty("codec").GetString());
        Tool.Succeed("test", file);
    }

    [Fact]
    public void A_plain_file_has_no_extension()
    {
        JsonElement json = Tool.Succeed("show", New(_directory.Write("s.jsonl", Samples.JsonLines), "--plain"), "--json").Json;

        Assert.True(json.GetProperty("plain").GetBoolean());
        Assert.Equal(JsonValueKind.Null, json.GetProperty("index").ValueKind);
    }

    [Theory]
    [InlineData("9")]
    [InlineData("D14")]
    public void A_plain_file_of_an_immutable_dimension_is_refused(string id)
    {
        string file = _directory.File("D09.mmap");
        string error = Tool.Fail(ExitCodes.Usage, "new", file, "--id", id, "--name", "Ethical", "--from", _directory.Write("s.jsonl", Samples.JsonLines), "--plain");

        Assert.Contains("seal", error, StringComparison.Ordinal);
        Assert.False(File.Exists(file));
    }

    [Theory]
    [InlineData("s.jsonl", "{\"layer\":0,\"keywords\":[],\"content\":\"a\"}\n{\"layer\":0,", "line 2")]
    [InlineData("s.jsonl", "\n\n{\"layer\":7,\"keywords\":[],\"content\":\"a\"}\n", "line 3")]
    [InlineData("s.jsonl", "{\"layer\":0,\"keywords\":[1],\"content\":\"a\"}\n", "line 1")]
    [InlineData("s.jsonl", "\n{\"layer\":0,\"keywords\":[\"a\",\"\"],\"content\":\"a\"}\n", "line 2")]
    [InlineData("s.csv", "layer,keywords,content\n0,a,\"two\nlines\"\n0,a\u0000b,c\n", "line 4")]
    [InlineData("s.csv", "layer,keywords\n0,a\n", "line 1")]
    [InlineData("s.csv", "layer,keywords,content\n0,a,b\n7,a,b\n", "line 3")]
    public void Bad_entries_are_refused_with_their_line_and_leave_nothing(string name, string text, string expected)
    {
        string source = _directory.Write(name, text);
        string error = Tool.Fail(ExitCodes.Refused, "new", _directory.File("D01.mmap"), "--id", "1", "--name", "n", "--from", source);

        Assert.Contains($"{source}, {expected}", error, StringComparison.Ordinal);
        AssertNoFiles();
    }

    [Fact]
    public void Bad_standard_input_is_named_so()
    {
        string error = Tool.FailWith("[]\n"u8.ToArray(), ExitCodes.Refused, "new", _directory.File("D01.mmap"), "--id", "1", "--name", "n", "--from", "-");

        Assert.Contains("standard input, line 1", error, StringComparison.Ordinal);
        AssertNoFiles();
    }

    [Fact]
    public void A_keyword_that_no_index_holds_is_refused()
    {
        string source = _directory.Write("s.csv", $"layer,keywords,content\n0,ok,a\n0,{new string('x', 1025)},b\n");
        string error = Tool.Fail(ExitCodes.Refused, "new", _directory.File("D01.mmap"), "--id", "1", "--name", "n", "--from", source);

        Assert.Contains(source, error, StringComparison.Ordinal);
        AssertNoFiles();
    }

    [Fact]
    public void A_name_that_does_not_fit_is_refused()
    {
        string source = _directory.Write("s.jsonl", Samples.JsonLines);
        ToolResult result = Tool.Run("new", _directory.File("D01.mmap"), "--id", "1", "--name", new string('n', 65), "--from", source);

        Assert.True(result.ExitCode is ExitCodes.Usage or ExitCodes.Refused, $"exit code {result.ExitCode}");
        Tool.AssertOneError(result);
        AssertNoFiles();
    }

    [Fact]
    public void An_existing_file_is_kept_unless_forced()
    {
        string source = _directory.Write("s.jsonl", Samples.JsonLines);
        string file = New(source);
        byte[] before = File.ReadAllBytes(file);
        string other = _directory.Write("other.jsonl", "{\"layer\":0,\"keywords\":[\"x\"],\"content\":\"other\"}\n");

        string error = Tool.Fail(ExitCodes.Refused, "new", file, "--id", "1", "--name", "n", "--from", other);
        Assert.Contains("--force", error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(file));

        Tool.Succeed("new", file, "--id", "1", "--name", "n", "--from", other, "--force");
        Assert.Equal("other", Tool.Succeed("get", _directory.Path, "D01:0").Text);
    }

    [Theory]
    [InlineData("9")]
    [InlineData("D14")]
    public void An_immutable_file_is_kept_even_when_forced(string id)
    {
        string source = _directory.Write("s.jsonl", Samples.JsonLines);
        string file = _directory.File(DimensionId.Parse(id).FileName);
        Tool.Succeed("new", file, "--id", id, "--name", "Fixed", "--from", source);
        byte[] before = File.ReadAllBytes(file);

        string error = Tool.Fail(ExitCodes.Refused, "new", file, "--id", id, "--name", "Fixed", "--from", source, "--force");

        Assert.Contains("immutable", error, StringComparison.Ordinal);
        Assert.Contains("delete it by hand", error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(file));
        Assert.True(Tool.Succeed("show", file, "--json").Json.GetProperty("sealed").GetBoolean());
    }

    [Fact]
    public void A_missing_source_or_directory_is_an_input_output_error()
    {
        string source = _directory.Write("s.jsonl", Samples.JsonLines);

        Assert.Contains("none.csv", Tool.Fail(ExitCodes.InputOutput, "new", _directory.File("D01.mmap"), "--id", "1", "--name", "n", "--from", _directory.File("none.csv")), StringComparison.Ordinal);
        Tool.Fail(ExitCodes.InputOutput, "new", Path.Combine(_directory.Path, "none", "D01.mmap"), "--id", "1", "--name", "n", "--from", source);

        string directory = _directory.File("d.jsonl");
        Directory.CreateDirectory(directory);
        Assert.Contains("is a directory", Tool.Fail(ExitCodes.InputOutput, "new", _directory.File("D01.mmap"), "--id", "1", "--name", "n", "--from", directory), StringComparison.Ordinal);
        AssertNoFiles();
    }

    [Theory]
    [InlineData("with space.mmap")]
    [InlineData("[brackets].mmap")]
    [InlineData("größe-喜び.mmap")]
    [InlineData("@file.mmap")]
    public void File_names_are_taken_as_they_are(string name)
    {
        string source = _directory.Write("[s] ü.jsonl", Samples.JsonLines);
        string file = _directory.File(name);

        Assert.Contains(name, Tool.Succeed("new", file, "--id", "1", "--name", "[n]", "--from", source).Text, StringComparison.Ordinal);
        Assert.Contains("[n]", Tool.Succeed("show", file).Text, StringComparison.Ordinal);
        Assert.Contains("ok", Tool.Succeed("test", file).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Stopping_it_while_it_waits_for_input_leaves_nothing()
    {
        using var cancellation = new CancellationTokenSource();
        using var input = new BlockingInput("{\"layer\":0,\"keywords\":[],\"content\":\"a\"}\n"u8.ToArray(), cancellation.Cancel);

        ToolResult result = Tool.RunWith(input, cancellation.Token, "new", _directory.File("D01.mmap"), "--id", "1", "--name", "n", "--from", "-");

        Assert.Equal(ExitCodes.Cancelled, result.ExitCode);
        Tool.AssertOneError(result);
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
    }

    [Fact]
    public void A_person_at_a_terminal_is_told_that_standard_input_is_read()
    {
        CliTerminal terminal = CliTerminal.Redirected with { Input = () => StandardInput.Terminal };
        using var input = new MemoryStream(Encoding.UTF8.GetBytes(Samples.JsonLines));
        ToolResult result = Tool.RunAt(terminal, input, CancellationToken.None, "new", _directory.File("D01.mmap"), "--id", "1", "--name", "n", "--from", "-");

        Assert.Equal(ExitCodes.Ok, result.ExitCode);
        Assert.StartsWith("dimstore: note: reading JSON lines from standard input", result.Error, StringComparison.Ordinal);
        Assert.Equal("", Tool.RunAt(terminal, input, CancellationToken.None, "show", _directory.File("D01.mmap")).Error);
    }

    [Fact]
    public void Standard_input_that_cannot_be_read_is_named()
    {
        using var input = new FailingInput();
        ToolResult result = Tool.RunWith(input, CancellationToken.None, "new", _directory.File("D01.mmap"), "--id", "1", "--name", "n", "--from", "-");

        Assert.Equal((ExitCodes.InputOutput, "dimstore: standard input cannot be read: Is a directory\n"), (result.ExitCode, result.Error));
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
    }

    private sealed class FailingInput : MemoryStream
    {
        public override int Read(byte[] buffer, int offset, int count) => throw new IOException("Is a directory");
    }

    /// <summary>Gives its bytes, then tells that it waits, and waits until it is disposed: standard input nobody types on.</summary>
    private sealed class BlockingInput(byte[] bytes, Action waiting) : MemoryStream(bytes)
    {
        private readonly ManualResetEventSlim _closed = new();

        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = base.Read(buffer, offset, count);
            if (read == 0)
            {
                waiting();
                _closed.Wait();
            }

            return read;
        }

        protected override void Dispose(bool disposing)
        {
            _closed.Set();
            base.Dispose(disposing);
        }
    }
}
