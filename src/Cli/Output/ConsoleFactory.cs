using Spectre.Console;

namespace DimensionStore.Cli.Output;

/// <summary>Makes consoles that write to a given stream and send escape sequences only to terminals.</summary>
internal static class ConsoleFactory
{
    /// <summary>A console for text that stays.</summary>
    public static IAnsiConsole Create(TextWriter writer, bool isTerminal, CliTerminal terminal)
        => Create(writer, terminal, ansi: isTerminal && terminal.UseColor, interactive: false);

    /// <summary>A console, which must be a terminal, for what moves. Moving the cursor is not colour: it stays allowed under NO_COLOR, where a new line for every step would be worse.</summary>
    public static IAnsiConsole CreateLive(TextWriter writer, CliTerminal terminal)
        => Create(writer, terminal, ansi: true, interactive: true);

    private static IAnsiConsole Create(TextWriter writer, CliTerminal terminal, bool ansi, bool interactive)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = ansi ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = ansi && terminal.UseColor ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = interactive ? InteractionSupport.Yes : InteractionSupport.No,
            Out = new AnsiConsoleOutput(writer),
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
        });
        console.Profile.Width = terminal.Width;
        console.Profile.Capabilities.Unicode = true;
        return console;
    }
}
