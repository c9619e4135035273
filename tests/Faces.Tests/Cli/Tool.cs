using System.Text;
using System.Text.Json;
using DimensionStore.Cli;

namespace DimensionStore.Faces.Tests.Cli;

/// <summary>What one run of the tool gave.</summary>
internal sealed record ToolResult(int ExitCode, byte[] Output, string Error)
{
    public string Text => new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Output);

    /// <summary>The output as exactly one JSON document.</summary>
    public JsonElement Json
    {
        get
        {
            using JsonDocument document = JsonDocument.Parse(Output);
            return document.RootElement.Clone();
        }
    }
}

/// <summary>Runs the tool in this process.</summary>
internal static class Tool
{
    public static ToolResult Run(params string[] args) => RunWith([], args);

    public static ToolResult RunWith(byte[] input, params string[] args) => RunWith(new MemoryStream(input), CancellationToken.None, args);

    public static ToolResult RunWith(Stream input, CancellationToken cancellation, params string[] args) => RunAt(CliTerminal.Redirected, input, cancellation, args);

    /// <summary>Runs the tool as at a terminal, or whatever else it is to believe.</summary>
    public static ToolResult RunAt(CliTerminal terminal, Stream input, CancellationToken cancellation, params string[] args)
    {
        using var output = new MemoryStream();
        using var error = new MemoryStream();
        int code = CliApplication.Run(args, input, output, error, terminal, cancellation);
        return new ToolResult(code, output.ToArray(), Encoding.UTF8.GetString(error.ToArray()));
    }

    /// <summary>Runs the tool and expects it to do its job without a word on standard error.</summary>
    public static ToolResult Succeed(params string[] args)
    {
        ToolResult result = Run(args);
        Assert.Equal("", result.Error);
        Assert.Equal(ExitCodes.Ok, result.ExitCode);
        return result;
    }

    /// <summary>Runs the tool and expects it to fail with one line on standard error and nothing on standard output.</summary>
    public static string Fail(int exitCode, params string[] args) => FailWith([], exitCode, args);

    public static string FailWith(byte[] input, int exitCode, params string[] args)
    {
        ToolResult result = RunWith(input, args);
        Assert.Equal("", result.Text);
        AssertOneError(result);
        Assert.Equal(exitCode, result.ExitCode);
        return result.Error;
    }

    public static void AssertOneError(ToolResult result)
    {
        Assert.StartsWith("dimstore: ", result.Error, StringComparison.Ordinal);
        Assert.EndsWith("\n", result.Error, StringComparison.Ordinal);
        Assert.Equal(1, result.Error.Count(c => c == '\n'));
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);
    }
}
