using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using DimensionStore.Cli;
using DimensionStore.Memory;

namespace DimensionStore.Faces.Tests.Cli;

/// <summary>The tool as a process: what only a real one shows.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private static Process Start(params string[] args)
    {
        // The runtime that runs the tests: a machine may have several, or none on its path.
        string host = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));
        var start = new ProcessStartInfo(host)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(false),
            StandardOutputEncoding = Encoding.UTF8,
            StandardErrorEncoding = Encoding.UTF8,
        };
        start.Environment["LC_ALL"] = "C";
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "dimstore.dll"));
        foreach (string arg in args)
        {
            start.ArgumentList.Add(arg);
        }

        return Process.Start(start) ?? throw new InvalidOperationException($"{host} did not start.");
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(string input, params string[] args)
    {
        using Process process = Start(args);
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }

    [Fact]
    public async Task Text_is_utf8_in_any_locale()
    {
        string file = _directory.File("D01 ü.mmap");
        (int made, _, string error) = await RunAsync(Samples.JsonLines, "new", file, "--id", "1", "--name", "Größe", "--from", "-");
        Assert.Equal(("", ExitCodes.Ok), (error, made));

        (int shown, string output, _) = await RunAsync("", "show", file, "--json");
        Assert.Equal(ExitCodes.Ok, shown);
        using JsonDocument json = JsonDocument.Parse(output);
        Assert.Equal("Größe", json.RootElement.GetProperty("name").GetString());
        Assert.StartsWith("{", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Exit_codes_reach_the_shell()
    {
        string store = Samples.MakeStore(_directory);

        Assert.Equal(ExitCodes.Ok, (await RunAsync("", "get", store, "D01:0")).ExitCode);
        Assert.Equal(ExitCodes.NotFound, (await RunAsync("", "get", store, "D01:1")).ExitCode);
        Assert.Equal(ExitCodes.Usage, (await RunAsync("")).ExitCode);
        Assert.Equal(ExitCodes.Refused, (await RunAsync("", "show", _directory.Write("x.mmap", "x"))).ExitCode);
        Assert.Equal(ExitCodes.InputOutput, (await RunAsync("", "show", _directory.File("none"))).ExitCode);
    }

    [Fact]
    public async Task Redirected_tables_hold_no_escape_sequences()
    {
        string store = Samples.MakeStore(_directory);
        (int code, string output, string error) = await RunAsync("", "find", store, "größe", "--dimension", "D01");

        Assert.Equal(("", ExitCodes.Ok), (error, code));
        Assert.Contains("Größe", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\e', output);
    }

    [Fact]
    public async Task Interrupting_it_leaves_nothing_and_exits_130()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGINT to send to another process.");
        using Process process = Start("new", _directory.File("D01.mmap"), "--id", "1", "--name", "n", "--from", "-");
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);

        // More than a pipe holds: when it is written, the tool is reading, and its signal handlers are set.
        string line = $$"""{"layer":0,"keywords":["k"],"content":"{{new string('x', 1000)}}"}""";
        for (int i = 0; i < 1000; i++)
        {
            await process.StandardInput.WriteLineAsync(line);
        }

        await process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
        using (Process kill = Process.Start("kill", ["-INT", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
        {
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(ExitCodes.Cancelled, process.ExitCode);
        Assert.StartsWith("dimstore: stopped", await error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
    }

    [Theory]
    [InlineData("--allocator", "slab")]
    [InlineData("--compare")]
    public async Task Interrupting_a_replay_ends_it(params string[] which)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGINT to send to another process.");
        string trace = _directory.File("long.altrace");
        AllocationTrace.FromRecords([.. Enumerable.Range(0, 2_000_000).Select(i => new TraceRecord(i % 2 == 0 ? TraceOperation.Allocate : TraceOperation.Free, 0, 0, 0, 100))]).Save(trace);
        using Process process = Start(["replay", trace, "--passes", "1000", .. which]);
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        try
        {
            // A replay of ten seconds and more, after less than one for starting and reading: when it has worked for so long, it is under way.
            while (!process.HasExited && process.TotalProcessorTime < TimeSpan.FromSeconds(2))
            {
                process.Refresh();
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }

            using (Process kill = Process.Start("kill", ["-INT", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]))
            {
                await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
            }

            await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        }
        finally
        {
            process.Kill();
        }

        Assert.Equal(ExitCodes.Cancelled, process.ExitCode);
        Assert.Equal("dimstore: stopped; nothing was left half written.\n", await error);
        Assert.Equal("", await output);
    }

    [Fact]
    public async Task Being_started_without_standard_input_is_told_at_once()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux tells what a number stands for.");
        string dll = Path.Combine(AppContext.BaseDirectory, "dimstore.dll");
        string host = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        var start = new ProcessStartInfo("sh", ["-c", "\"$0\" \"$1\" new \"$2\" --id 1 --name n --from - <&-", host, dll, _directory.File("D01.mmap")]) { RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        try
        {
            await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
        }

        Assert.Equal(ExitCodes.InputOutput, process.ExitCode);
        Assert.StartsWith("dimstore: --from -: standard input is closed", await error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
    }

    [Fact]
    public async Task A_full_disk_is_an_input_output_error()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "There is no /dev/full here.");
        string store = Samples.MakeStore(_directory);
        string dll = Path.Combine(AppContext.BaseDirectory, "dimstore.dll");
        string host = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
        foreach (string arguments in (string[])["get \"$2\" D01:0", "list \"$2\" --json", "list \"$2\"", "--help"])
        {
            var start = new ProcessStartInfo("sh", ["-c", $"\"$0\" \"$1\" {arguments} > /dev/full", host, dll, store]) { RedirectStandardError = true };
            using Process process = Process.Start(start)!;
            string error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);

            Assert.Equal(ExitCodes.InputOutput, process.ExitCode);
            Assert.StartsWith("dimstore: ", error.Split('\n').Last(text => text.Length > 0), StringComparison.Ordinal);
        }
    }
}
