using System.Diagnostics;

namespace DimensionStore.Tests.Files;

/// <summary>A writer is killed at random moments: the file is one of those it wrote, whole, and the next writer clears away what it left.</summary>
public sealed class KilledWriterTests
{
    private const int WantedInterruptions = 5;
    private const int MostKills = 60;

    [Fact]
    public void A_killed_writer_leaves_a_whole_file_and_nothing_that_the_next_one_does_not_remove()
    {
        byte[][] images = [KilledWriter.Image(0), KilledWriter.Image(1), KilledWriter.Image(2)];
        Random random = new(20260);
        int interrupted = 0;
        for (int kill = 0; kill < MostKills && interrupted < WantedInterruptions; kill++)
        {
            using TemporaryDirectory directory = new();
            using (Process writer = KilledWriter.Start(directory.FullPath))
            {
                // It is under way when it says so; where in the next files the kill then falls is left to chance.
                Assert.NotNull(writer.StandardOutput.ReadLine());
                Thread.SpinWait(random.Next(2_000_000));
                writer.Kill();
                writer.WaitForExit();
            }

            byte[] found = File.ReadAllBytes(directory.File(KilledWriter.FileName));
            Assert.Contains(images, image => image.AsSpan().SequenceEqual(found));
            Assert.True(DimensionFile.Verify(directory.File(KilledWriter.FileName), TestContext.Current.CancellationToken).IsValid);
            interrupted += directory.FileNames.Length > 1 ? 1 : 0;

            using (DimensionFileWriter next = new(directory.File("y.mmap"), new DimensionWriterOptions { Id = new DimensionId(1), Name = "Next" }))
            {
                next.AddLayer(0);
                next.Complete(TestContext.Current.CancellationToken);
            }

            Assert.Equal([KilledWriter.FileName, "y.mmap"], directory.FileNames);
        }

        // Otherwise no kill fell into a writing, and nothing was shown.
        Assert.Equal(WantedInterruptions, interrupted);
    }
}
