using Microsoft.Win32.SafeHandles;

namespace DimensionStore.Tests.Files;

public sealed class TemporaryFileRaceTests : IDisposable
{
    private const int Rounds = 400;

    private readonly string _directory = Directory.CreateTempSubdirectory("temporary-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>
    /// Writers that begin in the same directory clean it, too. Between the creation of a temporary file and its lock another's cleaning
    /// can take it; whoever is handed a file must have one with a name.
    /// </summary>
    [Fact]
    public void No_writer_is_handed_a_file_that_anothers_cleaning_has_taken()
    {
        int lost = 0;
        Parallel.For(0, 8, _ =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                using SafeFileHandle handle = FileOperations.Default.CreateTemporary(_directory, "D01.mmap", out string path);
                FileOperations.Default.RemoveLeftovers(_directory);
                if (!File.Exists(path))
                {
                    Interlocked.Increment(ref lost);
                }

                FileOperations.Default.Delete(path);
            }
        });
        Assert.Equal(0, lost);
        Assert.Empty(Directory.GetFileSystemEntries(_directory));
    }
}
