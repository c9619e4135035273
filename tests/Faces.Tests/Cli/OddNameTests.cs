using DimensionStore.Cli;

namespace DimensionStore.Faces.Tests.Cli;

/// <summary>Names of files and dimensions are anybody's: what is said of them drives no terminal, and a name makes no lines of its own.</summary>
public sealed class OddNameTests : IDisposable
{
    private const string Odd = "a\nb\u001b[2Jc\u0007\u009bd";

    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_name_of_a_dimension_is_shown_without_its_control_characters()
    {
        string file = _directory.File("D02.mmap");
        string source = _directory.Write("s.jsonl", Samples.JsonLines);
        string[] lines = [Tool.Succeed("new", file, "--id", "2", "--name", Odd, "--from", source).Text, Tool.Succeed("test", file).Text, Tool.Succeed("show", file).Text.Split('\n')[0] + '\n'];

        Assert.All(lines, line => Assert.Contains("a b\uFFFD[2Jc\uFFFD\uFFFDd", line, StringComparison.Ordinal));
        Assert.All([.. lines, Tool.Run("list", _directory.Path).Text], AssertSafe);
        Assert.All(lines, line => Assert.Equal(1, line.Count(c => c == '\n')));
        Assert.Equal(Odd, Tool.Succeed("show", file, "--json").Json.GetProperty("name").GetString());
    }

    [Fact]
    public void Names_in_errors_notes_and_headings_are_too()
    {
        string missing = _directory.File(Odd);
        string bad = _directory.Write("bad\u001b[31m.mmap", "x");
        string[] errors =
        [
            Tool.Fail(ExitCodes.InputOutput, "replay", missing), Tool.Fail(ExitCodes.Usage, Odd), Tool.Run("stats", missing).Error, Tool.Fail(ExitCodes.Refused, "show", bad), Tool.Run("test", bad).Text,
        ];

        Assert.All(errors, error => Assert.Contains('\uFFFD', error));
        Assert.All(errors, error => Assert.Equal(1, error.Count(c => c == '\n')));
        Assert.All([.. errors, Tool.Run("stats", missing, "--map").Text], AssertSafe);
        Assert.Equal(1, Tool.Run("test", bad).Text.Split("bad").Length - 1);
    }

    [Fact]
    public void A_list_of_the_reference_dimensions_fits_80_columns_without_broken_words()
    {
        string text = Tool.Run("list", _directory.Path).Text;

        Assert.Contains("Philosophy", text, StringComparison.Ordinal);
        Assert.Contains("simulated", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 80, line));
    }

    private static void AssertSafe(string text) => Assert.DoesNotContain(text, c => char.IsControl(c) && c != '\n');
}
