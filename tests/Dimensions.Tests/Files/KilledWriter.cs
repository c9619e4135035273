using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace DimensionStore.Tests.Files;

/// <summary>
/// A process that overwrites one file again and again until it is killed. The process is this very test program: an environment variable
/// turns it into the writer before the test runner begins.
/// </summary>
internal static class KilledWriter
{
    public const string FileName = "x.mmap";

    private const string Variable = "DIMENSION_STORE_TEST_WRITER";

    /// <summary>Starts a writer in a directory; it prints a line whenever a file is complete.</summary>
    public static Process Start(string directory)
    {
        string program = Path.Combine(AppContext.BaseDirectory, Path.GetFileNameWithoutExtension(typeof(KilledWriter).Assembly.Location));
        ProcessStartInfo start = new(OperatingSystem.IsWindows() ? program + ".exe" : program) { RedirectStandardOutput = true };
        start.Environment[Variable] = directory;
        return Process.Start(start)!;
    }

    /// <summary>The files it writes, in turn; each of another length.</summary>
    public static byte[] Image(int version)
    {
        (DimensionWriterOptions options, DimensionEntry[] entries) = Version(version);
        return DimensionFileWriter.BuildImage(options, entries);
    }

    [ModuleInitializer]
    internal static void WriteInsteadOfTesting()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } directory)
        {
            return;
        }

        for (int version = 0; ; version = (version + 1) % 3)
        {
            (DimensionWriterOptions options, DimensionEntry[] entries) = Version(version);
            using DimensionFileWriter writer = new(Path.Combine(directory, FileName), options);
            foreach (DimensionEntry entry in entries)
            {
                writer.AddEntry(entry.Layer, entry.Keywords, entry.Content.Span);
            }

            writer.Complete();
            Console.WriteLine(version.ToString(CultureInfo.InvariantCulture));
        }
    }

    private static (DimensionWriterOptions Options, DimensionEntry[] Entries) Version(int version)
    {
        DimensionWriterOptions options = new() { Id = new DimensionId(7), Name = $"Version {version}", Overwrite = true, MemoryBytes = 0 };
        return (options, [.. Enumerable.Range(0, 400 + (200 * version)).Select(i => new DimensionEntry(i % 4, [$"Key {i} {version}"], Encoding.UTF8.GetBytes($"content {i} of version {version}")))]);
    }
}
