using System.Text;
using DimensionStore.Cli;
using DimensionStore.Cli.Output;
using Spectre.Console;

namespace DimensionStore.Faces.Tests.Cli;

public sealed class DisplayTests
{
    private static string Render(CliTerminal terminal, Action<IAnsiConsole> write)
    {
        using var writer = new StringWriter();
        write(ConsoleFactory.Create(writer, terminal.OutputIsTerminal, terminal));
        return writer.ToString();
    }

    [Fact]
    public void Redirected_output_fits_80_columns_and_holds_no_escape_sequences()
    {
        string text = Render(CliTerminal.Redirected, console =>
        {
            ResultTable table = Display.CreateTable("Name", ">Size");
            table.AddCells("[bold]x[/] " + string.Join(' ', Enumerable.Repeat("word", 100)), "1");
            console.Write(table);
            console.WriteHeading("A [heading]");
        });

        Assert.DoesNotContain('\e', text);
        Assert.Contains("[bold]x[/]", text, StringComparison.Ordinal);
        Assert.Contains("A [heading]", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 80, line));
    }

    [Fact]
    public void Colour_is_sent_only_where_it_is_welcome()
    {
        static void Write(IAnsiConsole console) => console.Write(Display.CreateTable("Name"));

        Assert.Contains('\e', Render(new CliTerminal(true, true, UseColor: true, 80), Write));
        Assert.DoesNotContain('\e', Render(new CliTerminal(true, true, UseColor: false, 80), Write));
    }

    [Fact]
    public void Content_cannot_drive_the_terminal()
    {
        string text = Render(new CliTerminal(true, true, UseColor: true, 80), console => console.WritePlain("a\e[31mb\rc\td\u009be"));

        Assert.Equal("a\uFFFD[31mb\uFFFDc d\uFFFDe\n", text);
    }

    [Fact]
    public void Lines_that_end_as_on_windows_are_lines()
    {
        Assert.Equal("one\ntwo\n", Render(CliTerminal.Redirected, console => console.WritePlain("one\r\ntwo")));
    }

    [Fact]
    public void Long_text_ends_in_an_ellipsis_and_keeps_surrogates_whole()
    {
        string text = Render(CliTerminal.Redirected with { FixedWidth = 2000 }, console => console.WritePlain(new string('x', 399) + "😀😀"));

        Assert.Equal(new string('x', 399) + "…\n", text);
    }

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(9_999, "9,999 B")]
    [InlineData(10_240, "10.0 KiB")]
    [InlineData(16 << 20, "16.0 MiB")]
    public void Sizes_have_the_unit_that_fits(long bytes, string expected) => Assert.Equal(expected, Display.Size(bytes));

    [Fact]
    public void Progress_is_quiet_without_a_terminal_and_hands_on_result_and_error()
    {
        using var error = new MemoryStream();
        var context = new CliContext(Stream.Null, Stream.Null, error, CliTerminal.Redirected, CancellationToken.None);

        Assert.Equal(7, ProgressDisplay.Run(context, "job", report =>
        {
            report("half", 0.5);
            return 7;
        }));
        Assert.Throws<IOException>(() => ProgressDisplay.Run<int>(context, "job", _ => throw new IOException("no")));
        Assert.Equal(0, error.Length);
    }

    [Fact]
    public void Progress_on_a_terminal_hands_on_result_and_error()
    {
        using var error = new MemoryStream();
        var context = new CliContext(Stream.Null, Stream.Null, error, new CliTerminal(true, true, true, 80), CancellationToken.None);

        // However long a busy machine takes to begin.
        TimeSpan patience = TimeSpan.FromMinutes(1);
        Assert.Equal(7, ProgressDisplay.Run(context, "job", _ => 7, patience));
        Assert.Throws<IOException>(() => ProgressDisplay.Run<int>(context, "job", _ => throw new IOException("no"), patience));
        Assert.Equal("", Encoding.UTF8.GetString(error.ToArray()));
    }

    [Fact]
    public void Progress_of_what_takes_long_is_shown()
    {
        using var error = new SignallingStream();
        var context = new CliContext(Stream.Null, Stream.Null, error, new CliTerminal(true, true, UseColor: false, 80), CancellationToken.None);

        int result = ProgressDisplay.Run(
            context,
            "[title]",
            report =>
            {
                report("[half] way", 0.5);
                Assert.True(error.Written.Wait(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken), "Nothing was shown.");
                return 7;
            },
            patience: TimeSpan.Zero);

        Assert.Equal(7, result);
        Assert.Contains("[half] way", Encoding.UTF8.GetString(error.ToArray()), StringComparison.Ordinal);
    }

    /// <summary>Tells when text with a percentage has been written to it.</summary>
    private sealed class SignallingStream : MemoryStream
    {
        public ManualResetEventSlim Written { get; } = new();

        // The overload that takes a span calls this one in a derived stream.
        public override void Write(byte[] buffer, int offset, int count)
        {
            base.Write(buffer, offset, count);
            if (buffer.AsSpan(offset, count).IndexOf("50%"u8) >= 0)
            {
                Written.Set();
            }
        }
    }
}
