using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Text;
using DimensionStore.Memory;

namespace DimensionStore.Tests.Files;

public sealed class DimensionFileWriterTests
{
    private static readonly DimensionWriterOptions Options = new() { Id = new DimensionId(7), Name = "Technical" };

    [Fact]
    public void An_existing_file_is_kept_unless_overwriting_is_asked_for()
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        byte[] first = Write(path, Options, "first");
        DimensionFileExistsException error = Assert.Throws<DimensionFileExistsException>(() => new DimensionFileWriter(path, Options));
        Assert.Equal(path, error.FilePath);
        Assert.Equal(first, File.ReadAllBytes(path));
        Assert.NotEqual(first, Write(path, Options with { Overwrite = true }, "second"));
        Assert.Equal(["x.mmap"], directory.FileNames);
    }

    [Fact]
    public void A_file_that_appears_while_another_is_written_is_kept_too()
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        using (DimensionFileWriter writer = new(path, Options))
        {
            writer.AddEntry(0, ["a"], "late"u8);
            byte[] early = Write(path, Options, "early");
            Assert.Throws<DimensionFileExistsException>(() => writer.Complete(TestContext.Current.CancellationToken));
            Assert.Equal(early, File.ReadAllBytes(path));
        }

        Assert.Equal(["x.mmap"], directory.FileNames);
    }

    [Fact]
    public void A_move_that_must_not_replace_does_not_even_if_the_look_before_saw_nothing()
    {
        using TemporaryDirectory directory = new();
        File.WriteAllText(directory.File("new"), "new");
        File.WriteAllText(directory.File("old"), "old");
        Assert.False(FileOperations.Default.TryMoveNew(directory.File("new"), directory.File("old")));
        Assert.Equal("old", File.ReadAllText(directory.File("old")));
        Assert.True(FileOperations.Default.TryMoveNew(directory.File("new"), directory.File("other")));
        Assert.Equal(["old", "other"], directory.FileNames);
        Assert.Throws<IOException>(() => FileOperations.Default.TryMoveNew(directory.File("new"), directory.File("third")));
    }

    [Theory]
    [InlineData(9, false)]
    [InlineData(14, false)]
    [InlineData(9, true)]
    public void An_immutable_dimension_is_written_once_and_never_replaced(int id, bool plain)
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        DimensionWriterOptions options = Options with { Id = new DimensionId(id), Overwrite = true };
        byte[] first = plain ? Write(path, Options with { Plain = true }, "first") : Write(path, options, "first");
        if (plain)
        {
            // Our writer makes no such file; others may.
            BinaryPrimitives.WriteInt32LittleEndian(first, id);
            File.WriteAllBytes(path, first);
        }

        ImmutableDimensionException error = Assert.Throws<ImmutableDimensionException>(() => new DimensionFileWriter(path, options));
        Assert.Equal((id, path, "overwritten"), (error.Dimension.Value, error.FilePath, error.Action));
        // Nor by a file of another dimension.
        error = Assert.Throws<ImmutableDimensionException>(() => new DimensionFileWriter(path, Options with { Overwrite = true }));
        Assert.Equal(id, error.Dimension.Value);
        Assert.Equal(first, File.ReadAllBytes(path));
        Assert.Equal(["x.mmap"], directory.FileNames);
    }

    [Fact]
    public void An_immutable_dimension_replaces_nothing()
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        byte[] first = Write(path, Options, "first");
        Assert.Throws<ImmutableDimensionException>(() => new DimensionFileWriter(path, Options with { Id = new DimensionId(9), Overwrite = true }));
        Assert.Equal(first, File.ReadAllBytes(path));
    }

    [Fact]
    public void A_sealed_file_of_any_dimension_is_kept()
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        byte[] bytes = Write(path, Options with { Id = new DimensionId(14) }, "first");
        BinaryPrimitives.WriteInt32LittleEndian(bytes, 20);
        File.WriteAllBytes(path, bytes);
        ImmutableDimensionException error = Assert.Throws<ImmutableDimensionException>(() => new DimensionFileWriter(path, Options with { Overwrite = true }));
        Assert.Equal(20, error.Dimension.Value);
    }

    [Fact]
    public void An_immutable_file_that_appears_meanwhile_is_kept()
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        using DimensionFileWriter writer = new(path, Options with { Overwrite = true });
        writer.AddEntry(0, ["a"], "late"u8);
        byte[] early = Write(path, Options with { Id = new DimensionId(9) }, "early");
        Assert.Throws<ImmutableDimensionException>(() => writer.Complete(TestContext.Current.CancellationToken));
        Assert.Equal(early, File.ReadAllBytes(path));
    }

    [Fact]
    public void A_file_that_is_no_dimension_file_can_be_overwritten_when_asked()
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        File.WriteAllText(path, "something else");
        Write(path, Options with { Overwrite = true }, "new");
        Assert.Equal("Technical", DimensionFile.ReadDescriptor(path).Name);
    }

    [Fact]
    public void What_cannot_be_written_is_refused_at_once_and_by_name()
    {
        using TemporaryDirectory directory = new();
        string missing = Path.Combine(directory.FullPath, "nowhere", "x.mmap");
        Assert.Contains(missing, Assert.Throws<DirectoryNotFoundException>(() => new DimensionFileWriter(missing, Options)).Message, StringComparison.Ordinal);
        Assert.Contains(directory.FullPath, Assert.Throws<IOException>(() => new DimensionFileWriter(directory.FullPath, Options)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new DimensionFileWriter("", Options));
        foreach (DimensionWriterOptions bad in (DimensionWriterOptions[])
            [
                Options with { Name = "" },
                Options with { Name = new string('ä', 33) },
                Options with { Name = "\ud800" },
                Options with { Name = "a\0b" },
                Options with { Id = default },
                Options with { MaxTotalBytes = 10 },
                Options with { MemoryBytes = -1 },
                With(4, new LayerSettings()),
                With(0, new LayerSettings { Frequency = float.NaN }),
                With(0, new LayerSettings { Frequency = -1 }),
                With(0, new LayerSettings { Codec = (LayerCodec)5 }),
                With(0, new LayerSettings { Keywords = [""] }),
                With(0, new LayerSettings { Keywords = ["a\0b"] }),
                With(0, new LayerSettings { Keywords = [new string('x', 4097)] }),
                With(0, new LayerSettings { Codec = LayerCodec.Brotli }) with { Plain = true },
                Options with { Id = new DimensionId(9), Plain = true },
                Options with { Id = new DimensionId(14), Plain = true },
            ])
        {
            Assert.ThrowsAny<ArgumentException>(() => new DimensionFileWriter(directory.File("x.mmap"), bad));
        }

        Assert.Empty(directory.FileNames);

        static DimensionWriterOptions With(int layer, LayerSettings settings) => Options with { Layers = new Dictionary<int, LayerSettings> { [layer] = settings } };
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_pipe_is_neither_waited_for_nor_replaced(bool overwrite)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists("/usr/bin/mkfifo"), "There is no mkfifo here.");
        using TemporaryDirectory directory = new();
        string pipe = directory.File("D05.mmap");
        using (Process made = Process.Start("/usr/bin/mkfifo", [pipe]))
        {
            made.WaitForExit();
            Assert.Equal(0, made.ExitCode);
        }

        string link = directory.File("link");
        File.CreateSymbolicLink(link, pipe);
        foreach (string path in (string[])[pipe, link])
        {
            Assert.Contains(path, Assert.Throws<IOException>(() => DimensionFile.ReadDescriptor(path)).Message, StringComparison.Ordinal);
            Assert.Throws<IOException>(() => DimensionFile.Verify(path, TestContext.Current.CancellationToken));
            Assert.Throws<IOException>(() => MmapRegion.Open(path));
            Assert.Contains(path, Assert.Throws<IOException>(() => new DimensionFileWriter(path, Options with { Overwrite = overwrite })).Message, StringComparison.Ordinal);
        }

        Assert.Equal(["D05.mmap", "link"], directory.FileNames);
    }

    [Fact]
    public void A_link_is_replaced_and_not_what_it_leads_to()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need a privilege there.");
        using TemporaryDirectory directory = new();
        string target = directory.File("target");
        string link = directory.File("D07.mmap");
        byte[] first = Write(target, Options, "first");
        File.CreateSymbolicLink(link, target);
        Assert.Throws<DimensionFileExistsException>(() => new DimensionFileWriter(link, Options));
        Assert.NotEqual(first, Write(link, Options with { Overwrite = true }, "second"));
        Assert.Null(new FileInfo(link).LinkTarget);
        Assert.Equal(first, File.ReadAllBytes(target));

        DimensionWriterOptions immutable = Options with { Id = new DimensionId(9) };
        string sealedFile = directory.File("sealed");
        string sealedLink = directory.File("D08.mmap");
        Write(sealedFile, immutable, "kept");
        File.CreateSymbolicLink(sealedLink, sealedFile);
        Assert.Throws<ImmutableDimensionException>(() => new DimensionFileWriter(sealedLink, Options with { Overwrite = true }));
        Assert.Equal(sealedFile, new FileInfo(sealedLink).LinkTarget);
    }

    [Fact]
    public void A_missing_file_is_named_with_what_to_do()
    {
        using TemporaryDirectory directory = new();
        foreach (string path in (string[])[directory.File("x.mmap"), Path.Combine(directory.FullPath, "nowhere", "x.mmap")])
        {
            Assert.Equal($"{path} does not exist; name a dimension file that does.", Assert.ThrowsAny<IOException>(() => DimensionFile.ReadDescriptor(path)).Message);
        }
    }

    [Fact]
    public void A_directory_without_permission_is_named()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
        {
            Assert.Skip("Permissions of a directory hold nobody off here.");
            return;
        }

        using TemporaryDirectory directory = new();
        File.SetUnixFileMode(directory.FullPath, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        try
        {
            Assert.Contains(directory.FullPath, Assert.Throws<UnauthorizedAccessException>(() => new DimensionFileWriter(directory.File("x.mmap"), Options)).Message, StringComparison.Ordinal);
        }
        finally
        {
            File.SetUnixFileMode(directory.FullPath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    [Fact]
    public void A_refused_entry_leaves_the_writer_as_it_was()
    {
        using TemporaryDirectory directory = new();
        DimensionEntry[] good = [new(0, ["a", "B"], "one"u8.ToArray()), new(1, ["b"], "two"u8.ToArray())];
        using DimensionFileWriter writer = new(directory.File("x.mmap"), Options, FileOperations.Default, layerLimit: 100);
        writer.AddEntry(0, good[0].Keywords, good[0].Content.Span);
        foreach (string bad in (string[])["", "a\0", "\udfff", new string('x', 1025), null!])
        {
            Assert.Throws<InvalidEntryException>(() => writer.AddEntry(0, ["fine", "also fine", bad], "lost"u8));
            // A layer that only this entry would have brought is not there either.
            Assert.Throws<InvalidEntryException>(() => writer.AddEntry(3, [bad], "lost"u8));
        }

        Assert.Throws<InvalidEntryException>(() => writer.AddEntryUtf8(0, [.. "fine"u8, 0, 0xFF], "lost"u8));
        Assert.Throws<InvalidEntryException>(() => writer.AddEntry(4, ["fine"], "lost"u8));
        Assert.Throws<InvalidEntryException>(() => writer.AddEntry(-1, ["fine"], "lost"u8));
        Assert.Throws<InvalidEntryException>(() => writer.AddEntry(0, ["fine"], new byte[98]));
        Assert.Equal(1, writer.EntryCount);
        writer.AddEntry(1, good[1].Keywords, good[1].Content.Span);
        writer.Complete(TestContext.Current.CancellationToken);
        Assert.Equal(DimensionFileWriter.BuildImage(Options, good), File.ReadAllBytes(directory.File("x.mmap")));
    }

    [Fact]
    public void Keywords_as_UTF8_make_the_same_file()
    {
        using TemporaryDirectory directory = new();
        using DimensionFileWriter writer = new(directory.File("x.mmap"), Options);
        writer.AddEntryUtf8(0, "Straße\0dog\0DOG\0"u8, "one"u8);
        writer.AddEntryUtf8(3, default, "two"u8);
        writer.Complete(TestContext.Current.CancellationToken);
        byte[] expected = DimensionFileWriter.BuildImage(Options, [new(0, ["Straße", "dog", "DOG"], "one"u8.ToArray()), new(3, [], "two"u8.ToArray())]);
        Assert.Equal(expected, File.ReadAllBytes(directory.File("x.mmap")));
    }

    [Fact]
    public async Task Streamed_contents_make_the_same_file_and_a_broken_stream_leaves_nothing()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        byte[] content = new byte[300_000];
        new Random(5).NextBytes(content);
        using TemporaryDirectory directory = new();
        using DimensionFileWriter writer = new(directory.File("x.mmap"), Options with { MemoryBytes = 0 });
        Assert.Equal(new EntryLocation(2, 0, content.Length), await writer.AddEntryAsync(2, ["big"], new MemoryStream(content), cancellation));
        await Assert.ThrowsAsync<IOException>(async () => await writer.AddEntryAsync(2, ["broken"], new BrokenStream(content), cancellation));
        await Assert.ThrowsAsync<InvalidEntryException>(async () => await writer.AddEntryAsync(2, [""], new MemoryStream(content), cancellation));
        using CancellationTokenSource cancelled = new();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await writer.AddEntryAsync(2, ["x"], new MemoryStream(content), cancelled.Token));
        Pipe pipe = new();
        ValueTask<EntryLocation> piped = writer.AddEntryAsync(2, ["piped"], pipe.Reader, cancellation);
        Assert.Throws<InvalidOperationException>(() => writer.AddEntry(0, [], default));
        await pipe.Writer.WriteAsync("from a "u8.ToArray(), cancellation);
        await pipe.Writer.WriteAsync("pipe"u8.ToArray(), cancellation);
        await pipe.Writer.CompleteAsync();
        Assert.Equal(new EntryLocation(2, content.Length, 11), await piped);
        writer.Complete(cancellation);
        byte[] expected = DimensionFileWriter.BuildImage(Options, [new(2, ["big"], content), new(2, ["piped"], "from a pipe"u8.ToArray())]);
        Assert.Equal(expected, await File.ReadAllBytesAsync(directory.File("x.mmap"), cancellation));
    }

    [Fact]
    public void A_size_limit_is_kept_before_anything_is_replaced()
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        byte[] old = Write(path, Options, "old");
        DimensionWriterOptions limited = Options with { Overwrite = true, MaxTotalBytes = 2000 };
        using (DimensionFileWriter writer = new(path, limited))
        {
            writer.AddEntry(0, ["a"], new byte[1000]);
            LimitExceededException error = Assert.Throws<LimitExceededException>(() => writer.AddEntry(1, ["b"], new byte[1000]));
            Assert.Equal((2256, 2000), (error.RequestedBytes, error.LimitBytes));
            writer.AddEntry(1, [.. Enumerable.Range(0, 100).Select(i => $"key {i}")], new byte[10]);
            Assert.Throws<LimitExceededException>(() => writer.Complete(TestContext.Current.CancellationToken));
        }

        Assert.Equal(old, File.ReadAllBytes(path));
        Assert.Equal(["x.mmap"], directory.FileNames);
        long exact = DimensionFileWriter.BuildImage(limited with { MaxTotalBytes = null }, [new(0, ["a"], new byte[1000])]).Length;
        Assert.Equal(exact, DimensionFileWriter.BuildImage(limited with { MaxTotalBytes = exact }, [new(0, ["a"], new byte[1000])]).Length);
        Assert.Throws<LimitExceededException>(() => DimensionFileWriter.BuildImage(limited with { MaxTotalBytes = exact - 1 }, [new(0, ["a"], new byte[1000])]));
    }

    [Fact]
    public void Completing_is_possible_once_and_needs_a_layer()
    {
        using TemporaryDirectory directory = new();
        using (DimensionFileWriter empty = new(directory.File("x.mmap"), Options))
        {
            Assert.Throws<InvalidEntryException>(() => empty.Complete(TestContext.Current.CancellationToken));
        }

        using DimensionFileWriter writer = new(directory.File("x.mmap"), Options);
        writer.AddLayer(3);
        writer.AddLayer(1);
        DimensionDescriptor descriptor = writer.Complete(TestContext.Current.CancellationToken);
        Assert.Equal([1, 3], descriptor.Layers.Select(layer => layer.Layer));
        Assert.Throws<InvalidOperationException>(() => writer.Complete(TestContext.Current.CancellationToken));
        Assert.Throws<InvalidOperationException>(() => writer.AddEntry(0, [], default));
        Assert.Equal(["x.mmap"], directory.FileNames);
    }

    [Fact]
    public void A_cancelled_completion_leaves_the_old_file()
    {
        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        byte[] old = Write(path, Options, "old");
        using (DimensionFileWriter writer = new(path, Options with { Overwrite = true }))
        {
            writer.AddEntry(0, ["a"], "new"u8);
            using CancellationTokenSource cancelled = new();
            cancelled.Cancel();
            Assert.ThrowsAny<OperationCanceledException>(() => writer.Complete(cancelled.Token));
        }

        Assert.Equal(old, File.ReadAllBytes(path));
        Assert.Equal(["x.mmap"], directory.FileNames);
    }

    [Fact]
    public void Leftovers_of_dead_writers_go_and_files_of_living_ones_and_of_others_stay()
    {
        using TemporaryDirectory directory = new();
        using DimensionFileWriter living = new(directory.File("living.mmap"), Options);
        living.AddEntry(0, ["a"], "x"u8);
        string[] foreign = [".other.tmp", ".x.mmap.dsABCDEF0123456789.tmp", ".x.mmap.ds012345678.tmp", "x.mmap.ds0123456789abcdef.tmp"];
        foreach (string name in (string[])[.. foreign, ".x.mmap.ds0123456789abcdef.tmp"])
        {
            File.WriteAllText(directory.File(name), "");
        }

        Write(directory.File("y.mmap"), Options, "y");
        living.Complete(TestContext.Current.CancellationToken);
        Assert.Equal([.. ((string[])[.. foreign, "living.mmap", "y.mmap"]).Order(StringComparer.Ordinal)], directory.FileNames);
    }

    [Fact]
    public void Permissions_of_the_old_file_are_kept()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("There are no Unix permissions here.");
            return;
        }

        using TemporaryDirectory directory = new();
        string path = directory.File("x.mmap");
        Write(path, Options, "old");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Write(path, Options with { Overwrite = true }, "new");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    [Fact]
    public void Settings_of_a_layer_reach_its_metadata()
    {
        LayerSettings settings = new() { Depth = 200, Frequency = 7.83f, Keywords = ["named", "by hand"] };
        foreach (bool plain in (bool[])[false, true])
        {
            byte[] image = DimensionFileWriter.BuildImage(
                Options with { Plain = plain, Layers = new Dictionary<int, LayerSettings> { [2] = settings } },
                [new(2, ["not named"], "x"u8.ToArray())]);
            LayerDescriptor layer = Assert.Single(DimensionDescriptor.Parse(image, image.Length).Layers);
            Assert.Equal((2, 200, 7.83f), (layer.Layer, layer.Depth, layer.Frequency));
            Assert.Equal(["named", "by hand"], layer.Keywords);
        }
    }

    private static byte[] Write(string path, DimensionWriterOptions options, string content)
    {
        using DimensionFileWriter writer = new(path, options);
        writer.AddEntry(0, ["key"], Encoding.UTF8.GetBytes(content));
        writer.Complete(TestContext.Current.CancellationToken);
        return File.ReadAllBytes(path);
    }

    private sealed class BrokenStream(byte[] bytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
            => Position > 100_000 ? throw new IOException("The stream broke off.") : base.ReadAsync(buffer, cancellationToken);
    }
}
