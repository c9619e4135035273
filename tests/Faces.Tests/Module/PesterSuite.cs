using System.Diagnostics;
using System.Text.Json;

namespace DimensionStore.Faces.Tests.Module;

/// <summary>Runs all Pester files once, in one PowerShell, against the built module.</summary>
public sealed class PesterSuite : IAsyncLifetime
{
    private const int NoSuitablePester = 64;
    private const int NoSuitablePowerShell = 65;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);
    private Dictionary<string, PesterFileResult> _results = [];

    internal static string Directory { get; } = Path.Combine(ModuleUnderTest.RepositoryRoot, "tests", "Pester");

    /// <summary>Why nothing was run, or null.</summary>
    internal string? SkipReason { get; private set; }

    /// <summary>What happened when the run itself failed, or null.</summary>
    internal string? Failure { get; private set; }

    public async ValueTask InitializeAsync()
    {
        string? pwsh = FindOnPath(OperatingSystem.IsWindows() ? "pwsh.exe" : "pwsh");
        if (pwsh is null)
        {
            SkipReason = "pwsh is not on this machine: Pester suite NOT run.";
            return;
        }

        string results = Path.Combine(Path.GetTempPath(), $"dimensionstore-pester-{Guid.NewGuid():N}.json");
        try
        {
            await RunAsync(pwsh, results);
        }
        finally
        {
            File.Delete(results);
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    internal PesterFileResult? ResultOf(string file) => _results.GetValueOrDefault(file);

    private static string? FindOnPath(string name) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Select(directory => Path.Combine(directory, name))
            .FirstOrDefault(File.Exists);

    private async Task RunAsync(string pwsh, string results)
    {
        ProcessStartInfo start = new(pwsh)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = Directory,
        };
        foreach (string argument in (string[])["-NoLogo", "-NoProfile", "-NonInteractive", "-File", Path.Combine(Directory, "Invoke-Suite.ps1"), "-ModulePath", ModuleUnderTest.Directory, "-OutputPath", results])
        {
            start.ArgumentList.Add(argument);
        }

        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using CancellationTokenSource limit = new(Limit);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            Failure = $"The Pester suite did not end within {Limit.TotalMinutes} minutes.";
            return;
        }

        switch (process.ExitCode)
        {
            case NoSuitablePester:
                SkipReason = "Pester 5 is not on this machine: Pester suite NOT run.";
                break;
            case NoSuitablePowerShell:
                SkipReason = "pwsh on this machine is older than 7.6: Pester suite NOT run.";
                break;
            case 0 when File.Exists(results):
                PesterFileResult[] parsed = JsonSerializer.Deserialize<PesterFileResult[]>(await File.ReadAllTextAsync(results), JsonSerializerOptions.Web)!;
                _results = parsed.ToDictionary(result => result.File, StringComparer.Ordinal);
                break;
            default:
                Failure = $"The Pester suite ended with exit code {process.ExitCode}.\n{await output}\n{await errors}";
                break;
        }
    }
}
