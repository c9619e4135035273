using System.Text;
using System.Xml.Linq;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Diagnostics;

public sealed class MemoryMapTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void Cells_add_up_to_what_is_committed_and_live_whatever_the_picture()
        => Check.One(Config.QuickThrowOnFailure, Prop.ForAll(Arb.From(Pictures()), picture =>
        {
            foreach (int cells in (int[])[16, 100, 6144])
            {
                MemoryMap map = MemoryMap.Create(picture, cells: cells);
                foreach (MapGroup group in map.Groups)
                {
                    MapCell[] committed = [.. group.Cells.Where(c => c.Kind == MapCellKind.Committed)];
                    Assert.Equal(picture.Extents.Where(e => e.Group == group.Name).Sum(e => e.Bytes), group.CommittedBytes);
                    Assert.Equal(group.CommittedBytes, committed.Sum(c => c.Bytes));
                    Assert.Equal(group.LiveBytes, committed.Sum(c => c.LiveBytes));
                    Assert.All(committed, c => Assert.True(c.LiveBytes <= c.Bytes && c.Bytes <= map.CellBytes && (c.LiveBytes > 0) == (c.LiveBlocks > 0) && (c.LiveBlocks == 1) == c.Block.HasValue, $"{c}"));
                    Assert.Equal(group.Cells.OrderBy(c => c.Address), group.Cells);
                }

                Assert.Equal(picture.Blocks.Sum(b => b.UsableBytes), map.Groups.Sum(g => g.LiveBytes));
                Assert.Equal(picture.Blocks.Count, map.Groups.Sum(g => g.LiveBlocks));
                Assert.Equal(map.Groups.Sum(g => g.FreeBytes), map.FreeRuns.Sum(f => f.Bytes));
                Assert.Equal(map.Groups.Sum(g => g.FreeRuns), map.FreeRuns.Sum(f => f.Count));
                Assert.True(map.Groups.Sum(g => g.Cells.Count) <= (2 * cells) + (2 * map.Groups.Count));
            }
        }));

    [Fact]
    public void A_small_memory_is_drawn_to_the_byte()
    {
        Picture picture = new(
            [new MemoryExtent(0x1000, 96, "a"), new MemoryExtent(0x2000, 32, "a"), new MemoryExtent(0x3000, 32, "b")],
            [new BlockInfo(0x1000, 10, 16, new OwnerId(7), null), new BlockInfo(0x1030, 8, 8, default, null), new BlockInfo(0x2000, 32, 32, default, TimeSpan.FromSeconds(5))]);
        MemoryMap map = MemoryMap.Create(picture);
        Assert.Equal(16, map.CellBytes);
        Assert.Equal(("a", 2, 128L, 3L, 56L, 2L, 40L), (map.Groups[0].Name, map.Groups[0].Extents, map.Groups[0].CommittedBytes, map.Groups[0].LiveBlocks, map.Groups[0].LiveBytes, map.Groups[0].FreeRuns, map.Groups[0].LargestFreeRunBytes));
        Assert.Equal("█··▒··┊██", string.Concat(map.Groups[0].Cells.Select(MemoryMapText.Symbol)));
        Assert.Equal("··", string.Concat(map.Groups[1].Cells.Select(MemoryMapText.Symbol)));
        Assert.Equal(1 - (40.0 / 72), map.Groups[0].Scatter, 9);
        Assert.Equal([(32, 3L, 104L)], map.FreeRuns.Select(f => ((int)f.FromBytes, f.Count, f.Bytes)));

        Assert.Equal(
            """
            picture: 3 blocks, 56 B live of 160 B committed, 0 B idle, limit 1 KiB
            fragmentation: external 65.0 %, internal 10.7 %; bookkeeping 0 B
            a cell is 16 B: █ full  ▓ ▒ ░ partly live  · free  ┊ not committed

            a: 3 blocks, 56 B live of 128 B in 2 extents; 2 free runs, the longest 40 B
                      0x1000  █··▒··┊█
                      0x2010  █

            b: 0 blocks, 0 B live of 32 B in 1 extent; 1 free run, the longest 32 B
                      0x3000  ··

            """.ReplaceLineEndings("\n"),
            MemoryMapText.Render(map, 8));

        string[] titles = [.. XDocument.Parse(Text(MemoryMapDocument.WriteSvg, map)).Descendants(Svg + "rect").Elements(Svg + "title").Select(t => t.Value)];
        Assert.Contains("block at 0x1000: 16 B usable, 10 B asked for, owner #7", titles);
        Assert.Contains("block at 0x2000: 32 B usable, 32 B asked for, owner none, 5.0 s old", titles);
        Assert.Contains("0x1010: 32 B free", titles);
        Assert.Contains("0x1060: 3.9 KiB not committed", titles);
    }

    [Fact]
    public void Nothing_committed_is_a_picture_too()
    {
        using PoolAllocator pool = new(PoolConfig.Default, 1 << 20);
        MemoryMap map = MemoryMap.Create(pool, "empty");
        Assert.Empty(map.Groups);
        Assert.Contains("nothing is committed", MemoryMapText.Render(map), StringComparison.Ordinal);
        XDocument.Parse(Text(MemoryMapDocument.WriteSvg, map));
        XDocument.Parse(Text(MemoryMapDocument.WriteHtml, map));
    }

    [Fact]
    public void A_hundred_thousand_blocks_make_a_file_of_bounded_size()
    {
        using PoolAllocator pool = new([new PoolConfig(64, 64L << 20)], 64L << 20);
        Random random = new(1);
        for (int i = 0; i < 150_000; i++)
        {
            nint block = pool.Allocate(50, owner: new OwnerId(i % 200));
            if (random.Next(3) == 0)
            {
                pool.Free(block);
            }
        }

        MemoryMap map = MemoryMap.Create(pool);
        Assert.True(map.Groups.Sum(g => g.LiveBlocks) > 90_000);
        Assert.InRange(Text(MemoryMapDocument.WriteSvg, map).Length, 10_000, 1_500_000);
        Assert.InRange(MemoryMapText.Render(MemoryMap.Create(pool, cells: 1024)).Split('\n').Length, 10, 40);
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("<a & \"b\"> ]]> ü 🙂")]
    [InlineData("control \u0001 and half \ud800 a pair \udc00\ud83d")]
    public void Documents_are_well_formed_whatever_the_names(string name)
    {
        Picture picture = new([new MemoryExtent(0x1000, 4096, name)], [new BlockInfo(0x1000, 10, 16, default, null)]);
        MemoryMap map = MemoryMap.Create(picture, name);
        XDocument svg = XDocument.Parse(Text(MemoryMapDocument.WriteSvg, map));
        XDocument html = XDocument.Parse(Text(MemoryMapDocument.WriteHtml, map));
        Assert.StartsWith("<!DOCTYPE html", Text(MemoryMapDocument.WriteHtml, map), StringComparison.Ordinal);
        foreach (XDocument document in (XDocument[])[svg, html])
        {
            Assert.DoesNotContain(document.Descendants().Attributes(), a => a.Name.LocalName is "href" or "src" or "onload");
            Assert.DoesNotContain(document.Descendants(), e => e.Name.LocalName == "script");
            Assert.Contains(document.Descendants(Svg + "rect"), r => (string?)r.Attribute("class") == "l4");
        }

        Assert.All(html.Descendants().Where(e => e.Name.LocalName is "td" or "th" or "tbody" or "title"), e => Assert.False(e.IsEmpty));
    }

    [Fact]
    public void Wrong_numbers_of_cells_are_refused()
    {
        using PoolAllocator pool = new(PoolConfig.Default, 1 << 20);
        Assert.Throws<ArgumentOutOfRangeException>(() => MemoryMap.Create(pool, cells: 15));
        Assert.Throws<ArgumentOutOfRangeException>(() => MemoryMap.Create(pool, cells: MemoryMap.MaxCells + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => MemoryMapText.Render(MemoryMap.Create(pool), 7));
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => MemoryMap.Create(pool));
    }

    private static string Text(Action<MemoryMap, Stream> write, MemoryMap map)
    {
        using MemoryStream stream = new();
        write(map, stream);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static Gen<Picture> Pictures() =>
        from seed in Gen.Choose(0, int.MaxValue - 1)
        from extents in Gen.Choose(0, 300)
        select Picture.Random(new Random(seed), extents);

    /// <summary>An allocator that is only to be looked at.</summary>
    [Fact]
    public void A_text_holds_no_control_character_of_a_name()
    {
        using PoolAllocator pool = new(PoolConfig.Default, 8 << 20);
        pool.Allocate(100);
        string text = MemoryMapText.Render(MemoryMap.Create(pool, "a\u001b[31mred\u0007\r\nb\u009b\u2028"));

        Assert.StartsWith("a\uFFFD[31mred\uFFFD\uFFFD\uFFFDb\uFFFD\uFFFD: ", text, StringComparison.Ordinal);
        Assert.DoesNotContain(text, c => char.IsControl(c) && c != '\n');
    }

    private sealed class Picture(IReadOnlyList<MemoryExtent> extents, IReadOnlyList<BlockInfo> blocks) : AllocatorLayer(s_pool)
    {
        private static readonly PoolAllocator s_pool = new(PoolConfig.Default, 1 << 20);

        public override string Name => "picture";

        internal IReadOnlyList<MemoryExtent> Extents => extents;

        internal IReadOnlyList<BlockInfo> Blocks => blocks;

        public override AllocatorStatistics GetStatistics() => new()
        {
            LimitBytes = 1024,
            CommittedBytes = extents.Sum(e => e.Bytes),
            LiveBlocks = blocks.Count,
            LiveBytes = blocks.Sum(b => b.UsableBytes),
            RequestedBytes = blocks.Sum(b => b.RequestedBytes),
        };

        public override IEnumerable<MemoryExtent> EnumerateExtents() => extents;

        public override IEnumerable<BlockInfo> EnumerateBlocks() => blocks;

        public override string ToString() => $"{string.Join(", ", extents)}\n{string.Join(", ", blocks)}";

        internal static Picture Random(Random random, int count)
        {
            List<MemoryExtent> extents = [];
            List<BlockInfo> blocks = [];
            nint address = 0x10000;
            for (int i = 0; i < count; i++)
            {
                long bytes = 16 * random.Next(1, 1 << random.Next(1, 12));
                extents.Add(new MemoryExtent(address, bytes, $"group {i * 3 / count}"));
                for (nint at = address; at < address + (nint)bytes;)
                {
                    long size = Math.Min(address + (nint)bytes - at, random.Next(1, 400));
                    if (random.Next(2) == 0)
                    {
                        blocks.Add(new BlockInfo(at, size, size, new OwnerId(random.Next(3)), null));
                    }

                    at += (nint)size;
                }

                address += (nint)bytes + (random.Next(2) * 16 * random.Next(1, 100_000));
            }

            // Allocators list blocks in whatever order suits them.
            BlockInfo[] shuffled = [.. blocks];
            random.Shuffle(shuffled);
            return new Picture(extents, shuffled);
        }
    }
}
