using DimensionStore.Cli;

namespace DimensionStore.Faces.Tests.Cli;

public sealed class UsageTests
{
    [Theory]
    [InlineData("Required command", "")]
    [InlineData("bogus", "bogus")]
    [InlineData("--bogus", "find", "dir", "keyword", "--bogus")]
    [InlineData("'find'", "find", "dir")]
    [InlineData("--name", "new", "f.mmap", "--id", "1", "--from", "-")]
    [InlineData("'0' is not a dimension", "new", "f.mmap", "--id", "0", "--name", "n", "--from", "-")]
    [InlineData("'65536' is not a dimension", "new", "f.mmap", "--id", "65536", "--name", "n", "--from", "-")]
    [InlineData("'D01:4' is not a layer", "get", "dir", "D01:4")]
    [InlineData("'D01' is not a layer", "get", "dir", "D01")]
    [InlineData("'E1' is not a dimension", "find", "dir", "keyword", "--dimension", "E1")]
    [InlineData("--limit 0", "find", "dir", "keyword", "--limit", "0")]
    [InlineData("--limit many", "find", "dir", "keyword", "--limit", "many")]
    [InlineData("--prefix and --wildcard", "find", "dir", "keyword", "--prefix", "--wildcard")]
    [InlineData("'test'", "test")]
    [InlineData("--out", "generate")]
    [InlineData("Required command", "import")]
    [InlineData("--out", "import", "wordnet")]
    [InlineData(".jsonl file, a .csv file, or -", "new", "f.mmap", "--id", "1", "--name", "n", "--from", "source.txt")]
    [InlineData("--frequency fast", "new", "f.mmap", "--id", "1", "--name", "n", "--from", "-", "--frequency", "0=fast")]
    [InlineData("--frequency NaN", "new", "f.mmap", "--id", "1", "--name", "n", "--from", "-", "--frequency", "NaN")]
    [InlineData("--frequency 4=1", "new", "f.mmap", "--id", "1", "--name", "n", "--from", "-", "--frequency", "4=1")]
    [InlineData("--depth 256", "new", "f.mmap", "--id", "1", "--name", "n", "--from", "-", "--depth", "0=256")]
    [InlineData("--codec lzma", "new", "f.mmap", "--id", "1", "--name", "n", "--from", "-", "--codec", "lzma")]
    public void A_wrong_command_line_is_one_line_and_exit_code_2(string expected, params string[] args)
    {
        string error = Tool.Fail(ExitCodes.Usage, args is [""] ? [] : args);

        Assert.Contains(expected, error, StringComparison.Ordinal);
    }

    [Fact]
    public void Usage_errors_name_the_command_whose_help_to_read()
    {
        Assert.Contains("'dimstore import wordnet --help'", Tool.Fail(ExitCodes.Usage, "import", "wordnet"), StringComparison.Ordinal);
    }

    [Fact]
    public void Help_lists_commands_and_exit_codes()
    {
        string help = Tool.Succeed("--help").Text;

        foreach (string command in (string[])["demo", "new", "generate", "import", "show", "test", "list", "find", "get", "stats"])
        {
            Assert.Contains($"\n  {command} ", help, StringComparison.Ordinal);
        }

        foreach (string line in (string[])["0    done", "1    nothing found", "2    usage", "3    data refused", "4    input or output", "130  stopped"])
        {
            Assert.Contains(line, help, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("demo")]
    [InlineData("new")]
    [InlineData("generate")]
    [InlineData("import", "wordnet")]
    [InlineData("show")]
    [InlineData("test")]
    [InlineData("list")]
    [InlineData("find")]
    [InlineData("stats")]
    public void What_prints_takes_json(params string[] command)
    {
        Assert.Contains("--json", Tool.Succeed([.. command, "--help"]).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Version_is_a_version()
    {
        Assert.Matches(@"^\d+\.\d+\.\d+", Tool.Succeed("--version").Text);
    }

    [Theory]
    [InlineData("replay", "--help")]
    [InlineData("list", ".", "--json")]
    public void A_closed_standard_output_is_named(params string[] args)
    {
        using var error = new MemoryStream();
        int code = CliApplication.Run(args, Stream.Null, new ClosedStream(), error, cancellation: TestContext.Current.CancellationToken);

        Assert.Equal(ExitCodes.InputOutput, code);
        Assert.Contains("standard output", System.Text.Encoding.UTF8.GetString(error.ToArray()), StringComparison.Ordinal);
    }

    /// <summary>What .NET makes of a file descriptor that is not open.</summary>
    private sealed class ClosedStream : MemoryStream
    {
        public override void Write(byte[] buffer, int offset, int count) => throw new UnauthorizedAccessException("Access to the path is denied.");

        public override void Write(ReadOnlySpan<byte> buffer) => throw new UnauthorizedAccessException("Access to the path is denied.");
    }
}
