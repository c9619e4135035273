using DimensionStore.Cli;
using DimensionStore.Cli.Output;
using DimensionStore.Memory;

namespace DimensionStore.Faces.Tests.Cli;

/// <summary>What all commands that show tables do in terminals that are too narrow for them.</summary>
public sealed class NarrowTerminalTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("list", 20)]
    [InlineData("list", 40)]
    [InlineData("show", 20)]
    [InlineData("show", 40)]
    [InlineData("find", 20)]
    [InlineData("stats", 20)]
    [InlineData("generate", 20)]
    [InlineData("generate", 40)]
    [InlineData("replay", 20)]
    [InlineData("compare", 20)]
    [InlineData("compare", 40)]
    public void Rows_are_lists_of_names_and_values(string command, int width)
    {
        string store = Samples.MakeStore(_directory);
        string[] arguments = command switch
        {
            "list" => ["list", store],
            "show" => ["show", Directory.GetFiles(store)[0]],
            "find" => ["find", store, "joy"],
            "stats" => ["stats", store],
            "generate" => ["generate", "--out", _directory.File("made")],
            "replay" => ["replay", Trace(), "--passes", "0"],
            _ => ["replay", Trace(), "--compare", "--passes", "0"],
        };
        string[] names = command switch
        {
            "list" => ["Id: D01", "State: loaded", "Size: "],
            "show" => ["Layer: 0", "Stored: at "],
            "find" => ["Layer: D01", "Keyword: "],
            "stats" => ["In use: ", "Evictions: 0", "Live blocks: "],
            "generate" => ["Dimension: D01", "Entries: ", "File: D01.mmap"],
            "replay" => ["Allocator: general", "Threads: 1"],
            _ => ["Allocator: pool", "Allocator: large", "Metadata: ", "NativeMemory"],
        };
        string text = Run(width, arguments);
        Assert.DoesNotContain('│', text);
        Assert.All(names, name => Assert.Contains(name, text, StringComparison.Ordinal));
        Assert.DoesNotContain("\n\n\n", text, StringComparison.Ordinal);
        Assert.Contains('│', Run(80, arguments));
    }

    [Fact]
    public void Table_becomes_a_list_only_where_it_would_not_fit()
    {
        ResultTable table = Display.CreateTable("Name", ">Size");
        table.AddCells("[b]one[/] and a text that may be broken between words", "1,234 B");
        table.AddCells("two");
        table.AddCells("", "3 B");

        // Nine cells of the longest name's longest word, seven of the size, and the border.
        Assert.Contains("│ [b]one[/] │ 1,234 B │", Render(table, 23), StringComparison.Ordinal);
        string list = string.Join('\n', Render(table, 22).Split('\n').Select(line => line.TrimEnd()));
        Assert.Equal("Name: [b]one[/] and a\ntext that may be\nbroken between words\nSize: 1,234 B\n\nName: two\n\nSize: 3 B\n", list);

        // Of a longer word eleven are enough.
        table.AddCells(new string('x', 30));
        Assert.Contains("│ xxxxxxxxxxx │         │", Render(table, 25), StringComparison.Ordinal);
        Assert.Contains("Name: two\n", Render(table, 24), StringComparison.Ordinal);
    }

    private string Trace()
    {
        string path = _directory.File("sample.altrace");
        if (!File.Exists(path))
        {
            AllocationTrace.FromRecords([new TraceRecord(TraceOperation.Allocate, 0, 0, 0, 100), new TraceRecord(TraceOperation.Free, 0, 0, 0, 100)]).Save(path);
        }

        return path;
    }

    private static string Render(ResultTable table, int width)
    {
        using var writer = new StringWriter();
        ConsoleFactory.Create(writer, isTerminal: false, CliTerminal.Redirected with { FixedWidth = width }).Write(table);
        return writer.ToString();
    }

    private static string Run(int width, string[] arguments)
    {
        if (arguments[0] == "generate")
        {
            arguments = [.. arguments, "--force"];
        }

        ToolResult result = Tool.RunAt(CliTerminal.Redirected with { FixedWidth = width }, Stream.Null, CancellationToken.None, arguments);
        Assert.Equal(ExitCodes.Ok, result.ExitCode);
        return result.Text;
    }
}
