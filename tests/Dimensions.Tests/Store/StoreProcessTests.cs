using System.Diagnostics;
using System.Security.Cryptography;

namespace DimensionStore.Tests.Store;

/// <summary>Several processes on one store. The other processes are this test assembly again, asked for its explicit test only.</summary>
public sealed class StoreProcessTests
{
    private const string DirectoryVariable = "DIMENSION_STORE_TEST_DIRECTORY";
    private const string ResultVariable = "DIMENSION_STORE_TEST_RESULT";

    [Fact]
    public void Several_processes_read_the_same_bytes_at_once()
    {
        using StoreFolder folder = new();
        string results = Directory.CreateDirectory(Path.Combine(folder.FullPath, "results")).FullName;
        DimensionCatalog.Default.Generate(folder.FullPath, cancellationToken: TestContext.Current.CancellationToken);
        using MmapManager store = folder.Open();
        string expected = Digest(store);

        Process[] children = [.. Enumerable.Range(0, 3).Select(i => Start(folder.FullPath, Path.Combine(results, $"{i}")))];
        foreach (Process child in children)
        {
            string output = child.StandardOutput.ReadToEnd();
            child.WaitForExit();
            Assert.True(child.ExitCode == 0, output);
            child.Dispose();
        }

        Assert.Equal([expected, expected, expected], Directory.GetFiles(results).Select(File.ReadAllText));
        Assert.Equal(expected, Digest(store));
    }

    [Fact]
    public void Shared_files_are_mapped_shared()
    {
        Assert.SkipUnless(File.Exists("/proc/self/maps"), "Mappings are listed in /proc/self/maps on Linux only.");
        using StoreFolder folder = new();
        folder.Write(1, "joy");
        folder.Write(9, "law");
        using MmapManager store = folder.Open();

        string[] maps = File.ReadAllLines("/proc/self/maps");

        // "r--s": read-only and shared with whoever else maps the file. The immutable dimension is a private copy, so its file is not mapped at all.
        Assert.Contains(maps, m => m.EndsWith(folder.PathOf(1), StringComparison.Ordinal) && m.Contains(" r--s ", StringComparison.Ordinal));
        Assert.DoesNotContain(maps, m => m.EndsWith(folder.PathOf(9), StringComparison.Ordinal));
    }

    [Fact(Explicit = true)]
    public void Child_reads_everything()
    {
        string directory = Environment.GetEnvironmentVariable(DirectoryVariable) ?? throw new InvalidOperationException($"Started by another test, which sets {DirectoryVariable}.");
        using MmapManager store = new(new MemoryConfig { BasePath = directory, Simulate = false });
        File.WriteAllText(Environment.GetEnvironmentVariable(ResultVariable)!, Digest(store));
    }

    private static Process Start(string directory, string result)
    {
        ProcessStartInfo start = new("dotnet") { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (string argument in new[] { typeof(StoreProcessTests).Assembly.Location, "-explicit", "only", "-method", $"{typeof(StoreProcessTests).FullName}.{nameof(Child_reads_everything)}" })
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment[DirectoryVariable] = directory;
        start.Environment[ResultVariable] = result;
        return Process.Start(start)!;
    }

    private static string Digest(MmapManager store)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (DimensionStatus dimension in store.GetDimensions())
        {
            Assert.Equal(DimensionState.Loaded, dimension.State);
            foreach (LayerDescriptor layer in dimension.Descriptor!.Layers)
            {
                using LayerAccess access = store.AccessLayer(new LayerId(dimension.Id, layer.Layer));
                hash.AppendData(access.Span);
            }
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
