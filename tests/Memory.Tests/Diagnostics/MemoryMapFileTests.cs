using System.Xml.Linq;

namespace DimensionStore.Memory.Tests.Diagnostics;

public sealed class MemoryMapFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("maps").FullName;
    private readonly PoolAllocator _pool = new(PoolConfig.Default, 1 << 20);

    public MemoryMapFileTests() => _pool.Allocate(100);

    public void Dispose()
    {
        _pool.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void The_extension_decides_and_a_file_is_kept_unless_asked()
    {
        MemoryMap map = MemoryMap.Create(_pool);
        string svg = Path.Combine(_directory, "map.SVG");
        string html = Path.Combine(_directory, "map.html");
        Assert.Equal(svg, MemoryMapFile.Write(map, svg));
        Assert.Equal("svg", XDocument.Load(svg).Root!.Name.LocalName);
        MemoryMapFile.Write(map, html);
        Assert.Equal("html", XDocument.Load(html).Root!.Name.LocalName);

        File.WriteAllText(svg, "mine");
        Assert.Equal(svg, Assert.Throws<MemoryMapFileExistsException>(() => MemoryMapFile.Write(map, svg)).FilePath);
        Assert.Equal("mine", File.ReadAllText(svg));
        MemoryMapFile.Write(map, svg, overwrite: true);
        XDocument.Load(svg);
        Assert.Equal(2, Directory.GetFileSystemEntries(_directory).Length);
    }

    [Fact]
    public void A_directory_that_takes_no_file_is_told_by_the_name_that_was_given()
    {
        Assert.SkipUnless(Directory.Exists("/proc/self"), "There is no directory here that takes no files from anybody.");
        Exception? refusal = Record.Exception(() => MemoryMapFile.Write(MemoryMap.Create(_pool), "/proc/x.svg"));

        Assert.True(refusal is IOException or UnauthorizedAccessException, $"{refusal}");
        Assert.StartsWith("/proc/x.svg cannot be written: ", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(".tmp", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_a_map_is_refused_and_nothing_is_left()
    {
        MemoryMap map = MemoryMap.Create(_pool);
        Assert.Throws<ArgumentException>(() => MemoryMapFile.Write(map, Path.Combine(_directory, "map.png")));
        Assert.Throws<ArgumentException>(() => MemoryMapFile.Write(map, ""));
        Assert.Throws<DirectoryNotFoundException>(() => MemoryMapFile.Write(map, Path.Combine(_directory, "none", "map.svg")));
        string directory = Directory.CreateDirectory(Path.Combine(_directory, "dir.svg")).FullName;
        Assert.Throws<IOException>(() => MemoryMapFile.Write(map, directory, overwrite: true));
        Assert.Equal([directory], Directory.GetFileSystemEntries(_directory));
    }
}
