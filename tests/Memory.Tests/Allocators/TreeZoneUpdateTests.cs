using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>The numbers of leaves and nodes are taken forward from one block to the next and never computed anew; after each they must be what a computation gives.</summary>
public sealed class TreeZoneUpdateTests
{
    // Two membranes of 256 pages, so three levels of nodes each.
    private const int Level = 2;

    [Fact]
    public void After_every_operation_leaves_and_nodes_are_what_a_count_gives()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(60), Prop.ForAll(ArbMap.Default.ArbFor<int>(), static seed =>
        {
            using TreeZoneAllocator zones = new();
            Random random = new(seed);
            List<nint> live = [];
            int usual = 1 << (4 + random.Next(14));
            for (int i = 0; i < 400; i++)
            {
                bool grows = i % 200 < 100;
                if (live.Count == 0 || random.Next(100) < (grows ? 70 : 40))
                {
                    nuint size = (nuint)(1 + random.Next(random.Next(20) switch
                    {
                        0 => 1_500_000,
                        1 or 2 => 70_000,
                        3 or 4 => 9_000,
                        5 => 64,
                        _ => usual,
                    }));
                    nuint alignment = (nuint)(16 << (random.Next(5) == 0 ? random.Next(9) : 0));
                    if (zones.TryAllocateAt(size, Level, out nint address, alignment: alignment))
                    {
                        live.Add(address);
                    }
                }
                else
                {
                    int pick = random.Next(live.Count);
                    if (random.Next(6) == 0)
                    {
                        // In place only: a block that had to move would leave the level.
                        _ = zones.Reallocate(live[pick], Math.Max(1, zones.UsableSize(live[pick]) / 2));
                    }
                    else
                    {
                        zones.Free(live[pick]);
                        live[pick] = live[^1];
                        live.RemoveAt(live.Count - 1);
                    }
                }

                Assert.Equal((0, 0), Wrong(zones));
            }

            IntegrityReport report = zones.CheckIntegrity();
            Assert.True(report.IsIntact, string.Join(Environment.NewLine, report.Violations));
        }));

    [Fact]
    public unsafe void A_wrong_number_is_noticed()
    {
        using TreeZoneAllocator zones = new();
        nint[] blocks = [.. Enumerable.Range(0, 400).Select(i => zones.AllocateAt((nuint)(100 + (i * 7)), Level))];
        for (int i = 0; i < blocks.Length; i += 3)
        {
            zones.Free(blocks[i]);
        }

        TreeZone zone = zones.Zones[Level];
        MembraneTree membrane = zone.Membranes[0]!;
        int leaf = zone.FirstLeaf + 8;
        int granule = leaf << LeafMap.LeafShift;
        Assert.Equal((0, 0), Wrong(zones));

        // A leaf that says another number than its bits, in each of the three places.
        for (int shift = 0; shift < 27; shift += 9)
        {
            zones.Map.Words[leaf] ^= 1u << shift;
            Assert.Equal(1, Wrong(zones).Leaves);
            zones.Map.Words[leaf] ^= 1u << shift;
        }

        // A run followed up that is longer than it is; and a run that was cut and still counts.
        membrane.Grow(leaf, leaf, granule - 200, granule + LeafMap.LeafGranules);
        Assert.NotEqual(0, Wrong(zones).Nodes);
        membrane.Refresh(zone.FirstLeaf, zone.TopLeaf - 1);
        Assert.Equal((0, 0), Wrong(zones));
        (int free, int end) = LongestRun(zones.Map, zone.FirstGranule, granule);
        var before = membrane.WordsAround(free >> LeafMap.LeafShift);
        zones.Map.PrepareMark(free, end - free);
        _ = zones.Map.Mark(free, end - free, 0, out int left, out int right);
        Assert.NotEqual(0, Wrong(zones).Nodes);
        membrane.Shrink(before, free, end - free, left, left + 1);
        Assert.NotEqual(0, Wrong(zones).Nodes);
        membrane.Shrink(before, free, end - free, left, right);
        Assert.Equal((0, 0), Wrong(zones));
    }

    private static (int Free, int End) LongestRun(LeafMap map, int from, int to)
    {
        (int Free, int End) longest = (from, from);
        for (int free = map.FirstFree(from, to); free < to; free = map.FirstFree(map.FirstUsed(free, to), to))
        {
            int end = map.FirstUsed(free, to);
            longest = end - free > longest.End - longest.Free ? (free, end) : longest;
        }

        return longest;
    }

    private static (int Leaves, int Nodes) Wrong(TreeZoneAllocator zones)
    {
        TreeZone zone = zones.Zones[Level];
        int leaves = Enumerable.Range(zone.FirstLeaf, zone.LeafCount).Count(leaf => !zones.Map.AreRunsRight(leaf));
        int nodes = zone.Membranes.Sum(static membrane => membrane?.CountWrongNodes() ?? 0);
        return (leaves, nodes + zone.Membranes.Where((membrane, i) => (membrane?.Root.Max ?? (uint)zone.LeafCountOf(i) << LeafMap.LeafShift) != zone.LongestFree[i]).Count());
    }
}
