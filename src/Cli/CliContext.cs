using System.Text;
using System.Text.Json;
using DimensionStore.Cli.Output;
using Spectre.Console;

namespace DimensionStore.Cli;

/// <summary>The streams, the terminal and the cancellation of one command. Text is UTF-8 without a byte order mark, whatever the locale. The streams stay the caller's.</summary>
internal sealed class CliContext
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);
    private IAnsiConsole? _console;

    public CliContext(Stream input, Stream output, Stream error, CliTerminal terminal, CancellationToken cancellation)
    {
        Input = input;
        Output = output;
        Out = new StreamWriter(output, Utf8, 4096, leaveOpen: true) { NewLine = "\n" };
        Error = new StreamWriter(error, Utf8, 1024, leaveOpen: true) { NewLine = "\n", AutoFlush = true };
        Terminal = terminal;
        Cancellation = cancellation;
    }

    /// <summary>Standard input.</summary>
    public Stream Input { get; }

    /// <summary>Standard output, for bytes. Flush <see cref="Out"/> before mixing.</summary>
    public Stream Output { get; }

    /// <summary>Standard output, for text.</summary>
    public TextWriter Out { get; }

    /// <summary>Standard error.</summary>
    public TextWriter Error { get; }

    /// <summary>Who reads.</summary>
    public CliTerminal Terminal { get; }

    /// <summary>Set by Ctrl+C.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>Tables go here. Made on first use: commands that print JSON or bytes do not pay for it.</summary>
    public IAnsiConsole Console => _console ??= ConsoleFactory.Create(Out, Terminal.OutputIsTerminal, Terminal);

    /// <summary>Says on standard error what a person should know and a script need not.</summary>
    public void Note(string message) => Error.WriteLine($"dimstore: note: {Display.OneLine(message)}");

    /// <summary>Reports an error, behind whatever was printed before it.</summary>
    /// <returns>Its exit code.</returns>
    public int Report(Exception exception)
    {
        (int code, string message) = ErrorMapper.Map(exception);
        try
        {
            Out.Flush();
        }
        catch (IOException)
        {
            // Nobody takes the output; the error at hand is either this one or says more than it.
        }

        try
        {
            Error.WriteLine($"dimstore: {message}");
        }
        catch (IOException)
        {
            // Nobody takes the error either; the exit code still tells.
        }

        return code;
    }

    /// <summary>Prints one JSON document.</summary>
    public void WriteJson(Action<Utf8JsonWriter> write)
    {
        Out.Flush();
        JsonOutput.Write(Output, write);
    }
}
