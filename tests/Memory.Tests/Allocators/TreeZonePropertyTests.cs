using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>First fit, coalescing and resizing against a naive model that keeps a flag per granule.</summary>
public sealed class TreeZonePropertyTests
{
    private const int Granule = 16;
    private const int Level = 4;

    [Fact]
    public void First_fit_is_the_lowest_address_whatever_came_before()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(60), Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            using TreeZoneAllocator zones = new(new TreeZoneOptions { TotalBytes = TreeZoneAllocator.MinTotalBytes });
            Random random = new(seed);
            Naive naive = new(zones);
            int largest = random.Next(3) switch
            {
                0 => 300,
                1 => 6_000,
                _ => 40_000,
            };
            for (int i = 0; i < 600; i++)
            {
                if (random.Next(100) < 60)
                {
                    nuint size = (nuint)(1 + random.Next(largest));
                    nint expected = naive.Place((int)((size + Granule - 1) / Granule));
                    Assert.Equal(expected != 0, zones.TryAllocateAt(size, Level, out nint address));
                    Assert.Equal(expected, address);
                    naive.Add(address, size);
                }
                else if (random.Next(4) == 0)
                {
                    naive.ResizeOne(random, largest);
                }
                else
                {
                    naive.FreeOne(random);
                }
            }

            Assert.Equal(naive.FreeRuns, zones.GetZone(Level).FreeBlocks);
            Assert.Equal(naive.FirstFree, zones.GetZone(Level).FirstFreeAddress);
            naive.FreeAll(random);

            // Everything has come together again: one free run, which a block of the whole zone fits.
            Assert.Equal(1, zones.GetZone(Level).FreeBlocks);
            nint whole = zones.AllocateAt((nuint)zones.GetZone(Level).ZoneBytes, Level);
            Assert.Equal(zones.GetZone(Level).Address, whole);
            Assert.Equal(0, zones.GetZone(Level).FreeBlocks);
            zones.Free(whole);
            Assert.True(zones.CheckIntegrity().IsIntact);
        }));

    [Fact]
    public void Aligned_blocks_are_found_wherever_one_fits()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(40), Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            using TreeZoneAllocator zones = new(new TreeZoneOptions { TotalBytes = TreeZoneAllocator.MinTotalBytes });
            Random random = new(seed);
            Naive naive = new(zones);
            for (int i = 0; i < 500; i++)
            {
                if (random.Next(100) < 65)
                {
                    nuint size = (nuint)(1 + random.Next(3_000));
                    int alignment = 1 << random.Next(13);
                    (bool inMembrane, bool anywhere) = naive.Fits((int)((size + Granule - 1) / Granule), alignment);
                    bool found = zones.TryAllocateAt(size, Level, out nint address, alignment: (nuint)alignment);
                    Assert.True(!inMembrane || found, "A membrane had room.");
                    Assert.True(anywhere || !found, "There was no room.");
                    Assert.Equal(0, address % alignment);
                    naive.Add(address, size);
                }
                else
                {
                    naive.FreeOne(random);
                }
            }

            Assert.True(zones.CheckIntegrity().IsIntact);
        }));

    [Fact]
    public void Zones_keep_their_order_their_sum_and_their_blocks_when_resized()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(40), Prop.ForAll(ArbMap.Default.ArbFor<int>(), seed =>
        {
            long unit = TreeZoneAllocator.ZoneUnitBytes;
            using TreeZoneAllocator zones = new(new TreeZoneOptions { TotalBytes = 64 << 20 });
            Random random = new(seed);
            Dictionary<nint, (int Level, nuint Size)> live = [];
            int done = 0;
            for (int i = 0; i < 150; i++)
            {
                int level = random.Next(TreeZoneAllocator.LevelCount);
                if (random.Next(3) > 0)
                {
                    nuint size = (nuint)(1 + random.Next(20_000));
                    if (zones.TryAllocateAt(size, level, out nint address, owner: new OwnerId(level)))
                    {
                        live.Add(address, (level, size));
                    }

                    continue;
                }

                if (random.Next(2) == 0 && live.Count > 0)
                {
                    nint freed = live.Keys.ElementAt(random.Next(live.Count));
                    zones.Free(freed);
                    live.Remove(freed);
                }

                IReadOnlyList<TreeZoneInfo> before = zones.GetZones();
                long bytes = Math.Max(unit, (before[level].ZoneBytes + ((random.Next(65) - 32) * unit)) / unit * unit);
                switch (Record.Exception(() => zones.ResizeZone(level, bytes)))
                {
                    case null:
                        done++;
                        Assert.Equal(bytes, zones.GetZone(level).ZoneBytes);
                        break;
                    case ArgumentOutOfRangeException or AllocationFailedException:
                        Assert.Equal(before, zones.GetZones());
                        break;
                    case Exception other:
                        Assert.Fail(other.ToString());
                        break;
                }

                Assert.Equal(64 << 20, zones.GetZones().Sum(zone => zone.ZoneBytes));
            }

            Assert.True(done > 0, "No zone was ever resized, so this run proved nothing.");
            Assert.All(Enumerable.Range(0, 8), level => Assert.True(zones.ValidateLevel(level, out string? violation), violation));
            IntegrityReport report = zones.CheckIntegrity();
            Assert.True(report.IsIntact, string.Join(Environment.NewLine, report.Violations));
            Assert.Equal(live.Count, zones.EnumerateBlocks().Count());
            foreach ((nint address, (int level, nuint size)) in live)
            {
                TreeZoneInfo zone = zones.GetZone(level);
                Assert.True(address >= zone.Address && address < zone.Address + (nint)zone.ZoneBytes);
                zones.FreeSized(address, size);
            }

            Assert.All(zones.GetZones(), zone => Assert.Equal((1L, 0L), (zone.FreeBlocks, zone.AllocatedBytes)));
        }));

    [Fact]
    public void What_a_resize_cannot_do_is_refused_and_changes_nothing()
    {
        long unit = TreeZoneAllocator.ZoneUnitBytes;
        using TreeZoneAllocator zones = new();
        IReadOnlyList<TreeZoneInfo> before = zones.GetZones();
        Assert.Throws<ArgumentOutOfRangeException>(() => zones.ResizeZone(8, 1 << 20));
        Assert.Throws<ArgumentOutOfRangeException>(() => zones.ResizeZone(3, (1 << 20) + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => zones.ResizeZone(3, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => zones.ResizeZone(7, unit * 16));
        AllocationFailedException greedy = Assert.Throws<AllocationFailedException>(() => zones.ResizeZone(0, 2 << 20));
        Assert.Equal((1L << 20) - unit, greedy.AvailableBytes);
        Assert.Equal(TreeZoneError.OutOfMemory, TreeZoneException.CodeOf(greedy));
        nint inTheWay = zones.AllocateAt(16, 1);
        Assert.Throws<AllocationFailedException>(() => zones.ResizeZone(0, (1 << 20) + unit));
        Assert.Equal([.. before.Select(zone => zone.ZoneBytes)], zones.GetZones().Select(zone => zone.ZoneBytes));
        zones.Free(inTheWay);
        zones.ResizeZone(0, (1 << 20) + unit);
        Assert.Equal(zones.GetZone(0).Address + (1 << 20) + (nint)unit, zones.GetZone(1).Address);

        // Now a block of the grown part may be held, and then the zone cannot shrink again.
        nint held = zones.AllocateAt((nuint)((1 << 20) + unit), 0);
        Assert.Throws<AllocationFailedException>(() => zones.ResizeZone(0, 1 << 20));
        zones.Free(held);
        zones.ResizeZone(0, 1 << 20);
        Assert.Equal([.. before.Select(zone => zone.BaseOffset)], zones.GetZones().Select(zone => zone.BaseOffset));
        Assert.True(zones.CheckIntegrity().IsIntact);
    }

    /// <summary>One zone as an array of flags, searched from its start.</summary>
    private sealed class Naive
    {
        private readonly TreeZoneAllocator _zones;
        private readonly nint _start;
        private readonly bool[] _used;
        private readonly (int From, int To)[] _membranes;
        private readonly List<(nint Address, int Count)> _live = [];

        internal Naive(TreeZoneAllocator zones)
        {
            _zones = zones;
            TreeZoneInfo zone = zones.GetZone(Level);
            _start = zone.Address;
            _used = new bool[zone.ZoneBytes / Granule];
            _membranes = [.. zones.GetMembranes(Level).Select(m => ((int)((m.Address - _start) / Granule), (int)((m.Address - _start + m.Bytes) / Granule)))];
        }

        internal int FreeRuns => Enumerable.Range(0, _used.Length).Count(i => !_used[i] && (i == 0 || _used[i - 1]));

        internal nint FirstFree => Array.IndexOf(_used, false) is int i and >= 0 ? _start + (i * Granule) : 0;

        internal nint Place(int count)
        {
            foreach ((int from, int to) in _membranes)
            {
                int found = Run(from, to, count);
                if (found >= 0)
                {
                    return _start + (found * Granule);
                }
            }

            int across = Run(0, _used.Length, count);
            return across < 0 ? 0 : _start + (across * Granule);
        }

        /// <summary>Whether an aligned block fits into a membrane, which must be found; and into the zone at all, which need not be when it lies across membranes.</summary>
        internal (bool InMembrane, bool Anywhere) Fits(int count, int alignment)
            => (_membranes.Any(membrane => Fits(membrane.From, membrane.To, count, alignment)), Fits(0, _used.Length, count, alignment));

        internal void Add(nint address, nuint size)
        {
            if (address != 0)
            {
                int count = (int)((size + Granule - 1) / Granule);
                _used.AsSpan((int)((address - _start) / Granule), count).Fill(true);
                _live.Add((address, count));
            }
        }

        internal void FreeOne(Random random)
        {
            if (_live.Count > 0)
            {
                int pick = random.Next(_live.Count);
                (nint address, int count) = _live[pick];
                _live[pick] = _live[^1];
                _live.RemoveAt(_live.Count - 1);
                _zones.Free(address);
                _used.AsSpan((int)((address - _start) / Granule), count).Clear();
            }
        }

        /// <summary>Smaller always in place; larger in place or not at all here, because moving goes to another level.</summary>
        internal void ResizeOne(Random random, int largest)
        {
            if (_live.Count > 0)
            {
                int pick = random.Next(_live.Count);
                (nint address, int count) = _live[pick];
                nuint size = (nuint)(1 + random.Next(largest));
                int wanted = (int)((size + Granule - 1) / Granule);
                nint moved = _zones.Reallocate(address, size);
                Assert.True(wanted > count || moved == address, "A smaller size took the block elsewhere.");
                int start = (int)((address - _start) / Granule);
                _used.AsSpan(start, count).Clear();
                if (moved != address)
                {
                    _zones.Free(moved);
                    _live[pick] = _live[^1];
                    _live.RemoveAt(_live.Count - 1);
                    return;
                }

                Assert.False(_used.AsSpan(start, wanted).Contains(true));
                _used.AsSpan(start, wanted).Fill(true);
                _live[pick] = (address, wanted);
            }
        }

        internal void FreeAll(Random random)
        {
            while (_live.Count > 0)
            {
                FreeOne(random);
            }
        }

        private bool Fits(int from, int to, int count, int alignment)
        {
            for (int i = from; i <= to - count; i++)
            {
                if ((_start + (i * Granule)) % alignment == 0 && !_used.AsSpan(i, count).Contains(true))
                {
                    return true;
                }
            }

            return false;
        }

        private int Run(int from, int to, int count)
        {
            int free = 0;
            for (int i = from; i < to; i++)
            {
                free = _used[i] ? 0 : free + 1;
                if (free == count)
                {
                    return i - count + 1;
                }
            }

            return -1;
        }
    }
}
