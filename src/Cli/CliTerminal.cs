namespace DimensionStore.Cli;

/// <summary>What is on the other end of the output streams.</summary>
/// <param name="OutputIsTerminal">A person reads standard output.</param>
/// <param name="ErrorIsTerminal">A person reads standard error; progress is shown only then.</param>
/// <param name="UseColor">Escape sequences for colour are welcome.</param>
/// <param name="FixedWidth">Columns, or null to ask the terminal when it matters.</param>
internal sealed record CliTerminal(bool OutputIsTerminal, bool ErrorIsTerminal, bool UseColor, int? FixedWidth)
{
    private const int DefaultWidth = 80;

    /// <summary>Files and pipes: no escape sequences, 80 columns.</summary>
    public static CliTerminal Redirected { get; } = new(false, false, false, DefaultWidth);

    /// <summary>Columns to fill. Asking makes the runtime set the terminal up, so that commands without a table do not ask.</summary>
    public int Width => FixedWidth ?? ReadWidth();

    /// <summary>What this process is connected to. NO_COLOR (any value) and TERM=dumb switch colour off.</summary>
    public static CliTerminal Detect()
    {
        bool output = !Console.IsOutputRedirected;
        bool error = !Console.IsErrorRedirected;
        if (!output && !error)
        {
            return Redirected;
        }

        bool dumb = Environment.GetEnvironmentVariable("TERM") == "dumb";
        bool color = !dumb && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        return new CliTerminal(output, error && !dumb, color, output ? null : DefaultWidth);
    }

    private static int ReadWidth()
    {
        try
        {
            int width = Console.WindowWidth;
            return width >= 20 ? width : DefaultWidth;
        }
        catch (IOException)
        {
            // Some terminals do not tell their size; what fits 80 columns is readable everywhere.
            return DefaultWidth;
        }
    }
}
