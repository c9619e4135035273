using System.Diagnostics;

namespace DimensionStore.Benchmarks.Peers;

/// <summary>
/// jemalloc wants static thread storage that glibc sets aside when a process starts, and by default too little for a library that is loaded later. So the benchmark starts itself again with
/// more where jemalloc could not be loaded.
/// </summary>
internal static class ThreadStorage
{
    private const string Variable = "GLIBC_TUNABLES";
    private const string Setting = "glibc.rtld.optional_static_tls=20000";

    /// <summary>Runs the same command in a process with more storage, if that may help.</summary>
    /// <returns>Its exit code, or null where there is nothing to gain.</returns>
    public static int? Restart()
    {
        string? set = Environment.GetEnvironmentVariable(Variable);
        if (!OperatingSystem.IsLinux() || NativeHeap.Jemalloc is not null || set?.Contains("optional_static_tls", StringComparison.Ordinal) == true)
        {
            return null;
        }

        string[] command = Environment.GetCommandLineArgs();
        string host = Environment.ProcessPath!;

        // Run by 'dotnet x.dll', the first argument is the assembly; run by its own name, it is that name.
        bool isHosted = Path.GetFileNameWithoutExtension(host) == "dotnet";
        ProcessStartInfo start = new(host, isHosted ? command : command[1..]) { UseShellExecute = false };
        start.Environment[Variable] = string.IsNullOrEmpty(set) ? Setting : $"{set}:{Setting}";
        using Process process = Process.Start(start)!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
