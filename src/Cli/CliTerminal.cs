namespace DimensionStore.Cli;

/// <summary>What is on the other end of the output streams.</summary>
/// <param name="OutputIsTerminal">A person reads standard output.</param>
/// <param name="ErrorIsTerminal">A person reads standard error; progress is shown only then.</param>
/// <param name="UseColor">Escape sequences for colour are welcome.</param>
/// <param name="FixedWidth">Columns, or null to ask the terminal when it matters.</param>
internal sealed record CliTerminal(bool OutputIsTerminal, bool ErrorIsTerminal, bool UseColor, int? FixedWidth)
{
    private const int DefaultWidth = 80;

    /// <summary>What standard input is. Asked when a command is about to read it, because looking takes time that others need not spend.</summary>
    public Func<StandardInput> Input { get; init; } = () => StandardInput.Redirected;

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
            return Redirected with { Input = LookAtInput };
        }

        bool dumb = Environment.GetEnvironmentVariable("TERM") == "dumb";
        bool color = !dumb && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
        return new CliTerminal(output, error && !dumb, color, output ? null : DefaultWidth) { Input = LookAtInput };
    }

    private static StandardInput LookAtInput() =>
        IsInputClosed() ? StandardInput.Closed : Console.IsInputRedirected ? StandardInput.Redirected : StandardInput.Terminal;

    /// <summary>
    /// Whether the process was started without standard input. Its number then went to the first thing that the runtime opened for itself, a pipe of its own as a rule, from which a reader would wait
    /// for ever. What a process inherits cannot be marked to be closed when a program is started, and all that the runtime opens is.
    /// </summary>
    private static bool IsInputClosed()
    {
        const string key = "flags:";
        const int closedOnExec = 0x80000;
        try
        {
            string? flags = OperatingSystem.IsLinux() ? File.ReadLines("/proc/self/fdinfo/0").FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal)) : null;
            return flags is not null && (Convert.ToInt32(flags[key.Length..].Trim(), 8) & closedOnExec) != 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            // The system does not tell, or nothing at all has that number: then reading says what is wrong.
            return false;
        }
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
