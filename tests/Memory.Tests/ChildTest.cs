using System.Diagnostics;

namespace DimensionStore.Memory.Tests;

/// <summary>Runs an explicit test of this assembly in a process of its own: for what a process may not survive.</summary>
internal static class ChildTest
{
    /// <summary>What a child prints as the last thing it does, to show that it came that far.</summary>
    internal const string Survived = "the process went on";

    private const string Variable = "DIMENSION_STORE_TEST_CHILD";

    /// <summary>In the child: what it is to do.</summary>
    internal static string Task => Environment.GetEnvironmentVariable(Variable) ?? throw new InvalidOperationException($"Started by another test, which sets {Variable}.");

    /// <summary>Runs a test and says how it ended.</summary>
    internal static (int ExitCode, string Output, string Errors) Run(Type type, string method, string task)
    {
        ProcessStartInfo start = new("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (string argument in new[] { type.Assembly.Location, "-explicit", "only", "-method", $"{type.FullName}.{method}" })
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment[Variable] = task;

        // No dump of a process that is meant to fall.
        start.Environment["DOTNET_DbgEnableMiniDump"] = "0";
        using Process child = Process.Start(start)!;
        System.Threading.Tasks.Task<string> errors = child.StandardError.ReadToEndAsync();
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return (child.ExitCode, output, errors.GetAwaiter().GetResult());
    }
}
