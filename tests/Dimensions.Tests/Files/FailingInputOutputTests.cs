using System.Text;

namespace DimensionStore.Tests.Files;

/// <summary>Every single call to the file system fails once: the old file stays or the new one is whole, and nothing is left lying about.</summary>
public sealed class FailingInputOutputTests
{
    [Theory]
    [InlineData(false, false, 7, 200)]
    [InlineData(true, false, 7, 600)]
    [InlineData(false, true, 7, 200)]
    [InlineData(true, true, 7, 200)]
    [InlineData(false, false, 9, 200)]
    public void Whichever_call_fails_there_is_the_old_file_or_the_new_one(bool withOldFile, bool plain, int id, int count)
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        DimensionWriterOptions options = new() { Id = new DimensionId(id), Name = "New", Plain = plain, Overwrite = withOldFile, MemoryBytes = 0 };
        DimensionEntry[] entries = Entries(count);
        byte[] oldBytes = DimensionFileWriter.BuildImage(options with { Name = "Old" }, entries[..3]);
        byte[] newBytes = DimensionFileWriter.BuildImage(options, entries);
        HashSet<string> failed = [];
        int calls = int.MaxValue;
        for (int n = 1; n <= calls; n++)
        {
            File.Delete(path);
            if (withOldFile)
            {
                File.WriteAllBytes(path, oldBytes);
            }

            FailingFileOperations operations = new(n);
            Exception? error = Record.Exception(() => Write(path, options, entries, operations));
            if (operations.Failed is null)
            {
                Assert.Null(error);
                calls = Math.Min(calls, operations.Calls);
            }
            else
            {
                failed.Add(operations.Failed);
                // A failed clearing away of leftovers, and of one's own after an error, is not the caller's error.
                Assert.Equal(operations.Failed != nameof(FileOperations.RemoveLeftovers), error is IOException);
            }

            bool isNew = error is null || operations.Failed == nameof(FileOperations.FlushDirectory);
            Assert.Equal(isNew || withOldFile ? ["x.mmap"] : [], directory.FileNames);
            if (isNew || withOldFile)
            {
                Assert.Equal(isNew ? newBytes : oldBytes, File.ReadAllBytes(path));
            }
        }

        Assert.Superset(
            new HashSet<string> { nameof(FileOperations.CreateTemporary), nameof(FileOperations.CreateScratch), nameof(FileOperations.Write), nameof(FileOperations.Read), nameof(FileOperations.Flush), nameof(FileOperations.FlushDirectory), withOldFile ? nameof(FileOperations.Replace) : nameof(FileOperations.TryMoveNew) },
            failed);
    }

    [Fact]
    public void A_leftover_that_could_not_be_deleted_goes_with_the_next_writer()
    {
        using TemporaryDirectory directory = new();
        DimensionWriterOptions options = new() { Id = new DimensionId(7), Name = "New" };
        FailingFileOperations operations = new(4);
        Assert.Throws<InvalidEntryException>(() => Write(directory.File("x.mmap"), options, [], operations));
        Assert.Equal(nameof(FileOperations.Delete), operations.Failed);
        string leftover = Assert.Single(directory.FileNames);
        Assert.True(FileOperations.IsTemporaryName(leftover));

        Write(directory.File("y.mmap"), options, Entries(1), FileOperations.Default);
        Assert.Equal(["y.mmap"], directory.FileNames);
    }

    [Fact]
    public void An_entry_that_failed_for_want_of_scratch_is_not_in_the_file_and_the_others_are()
    {
        using TemporaryDirectory directory = new();
        DimensionWriterOptions options = new() { Id = new DimensionId(7), Name = "New", MemoryBytes = 0, Overwrite = true };
        DimensionEntry[] entries = Entries(3000);
        int adding = 0;
        for (int n = 5; n < 80; n++)
        {
            FailingFileOperations operations = new(n);
            List<DimensionEntry> added = [];
            using (DimensionFileWriter writer = new(directory.File("x.mmap"), options, operations))
            {
                foreach (DimensionEntry entry in entries)
                {
                    try
                    {
                        writer.AddEntry(entry.Layer, entry.Keywords, entry.Content.Span);
                        added.Add(entry);
                    }
                    catch (IOException)
                    {
                        adding++;
                    }
                }

                if (operations.Failed is null)
                {
                    break;
                }

                writer.Complete(TestContext.Current.CancellationToken);
            }

            Assert.Equal(entries.Length - 1, added.Count);
            Assert.Equal(DimensionFileWriter.BuildImage(options, added), File.ReadAllBytes(directory.File("x.mmap")));
        }

        Assert.InRange(adding, 10, int.MaxValue);
    }

    private static DimensionEntry[] Entries(int count)
        => [.. Enumerable.Range(0, count).Select(i => new DimensionEntry(i % 3, [$"Key {i * 31 % 4001}", $"other {i % 7}"], Encoding.UTF8.GetBytes($"the content of entry {i}, long enough to need scratch")))];

    private static void Write(string path, DimensionWriterOptions options, DimensionEntry[] entries, FileOperations operations)
    {
        MemoryAccount? memory = null;
        try
        {
            using DimensionFileWriter writer = new(path, options, operations);
            memory = writer.Composer.Memory;
            foreach (DimensionEntry entry in entries)
            {
                writer.AddEntry(entry.Layer, entry.Keywords, entry.Content.Span);
            }

            writer.Complete(TestContext.Current.CancellationToken);
        }
        finally
        {
            Assert.Equal(0, memory?.Used ?? 0);
        }
    }
}
