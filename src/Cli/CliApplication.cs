using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using DimensionStore.Cli.Commands;
using DimensionStore.Cli.Output;

namespace DimensionStore.Cli;

/// <summary>The tool without its process: arguments and streams in, exit code out.</summary>
internal static class CliApplication
{
    private const string About = """
        Builds, inspects and searches dimension files (JESSY_MMAP_V1), and replays allocation traces (ALTRACE1).

        Exit codes:
          0    done
          1    nothing found, or a verification failed
          2    usage: the command line is wrong
          3    data refused: format error, invalid entry, limit, existing or immutable file kept
          4    input or output failed: missing file, permission, disk
          130  stopped by Ctrl+C

        Results go to standard output, errors and notes to standard error.
        """;

    /// <summary>Runs one command.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="input">Standard input; stays open.</param>
    /// <param name="output">Standard output; stays open.</param>
    /// <param name="error">Standard error; stays open.</param>
    /// <param name="terminal">What the streams are connected to; files by default.</param>
    /// <param name="cancellation">Stops the command.</param>
    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    public static int Run(IReadOnlyList<string> args, Stream input, Stream output, Stream error, CliTerminal? terminal = null, CancellationToken cancellation = default)
    {
        output = new ResultStream(output);
        var context = new CliContext(input, output, error, terminal ?? CliTerminal.Redirected, cancellation);
        try
        {
            int code = Invoke(args, context);
            context.Out.Flush();
            output.Flush();
            return code;
        }
        catch (Exception exception)
        {
            return context.Report(exception);
        }
    }

    private static int Invoke(IReadOnlyList<string> args, CliContext context)
    {
        // Without response files, a keyword that begins with @ is a keyword.
        ParseResult parse = CreateRoot(context).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parse.Action is ParseErrorAction)
        {
            string problems = Display.OneLine(string.Join(" ", parse.Errors.Select(error => error.Message)));
            context.Error.WriteLine($"dimstore: {problems} See '{Path(parse)} --help'.");
            return ExitCodes.Usage;
        }

        return parse.Invoke(new InvocationConfiguration
        {
            Output = context.Out,
            Error = context.Error,
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = null,
        });
    }

    private static RootCommand CreateRoot(CliContext context) => new(About)
    {
        DemoCommand.Create(context),
        NewCommand.Create(context),
        GenerateCommand.Create(context),
        ImportCommand.Create(context),
        ShowCommand.Create(context),
        TestCommand.Create(context),
        ListCommand.Create(context),
        FindCommand.Create(context),
        GetCommand.Create(context),
        StatsCommand.Create(context),
        ReplayCommand.Create(context),
    };

    private static string Path(ParseResult parse)
    {
        var names = new Stack<string>();
        for (SymbolResult? result = parse.CommandResult; result is CommandResult command; result = result.Parent)
        {
            names.Push(command.Command is RootCommand ? "dimstore" : command.Command.Name);
        }

        return string.Join(' ', names);
    }
}
