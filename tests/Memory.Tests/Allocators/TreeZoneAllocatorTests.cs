namespace DimensionStore.Memory.Tests.Allocators;

public sealed unsafe class TreeZoneAllocatorTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void The_sequence_is_that_of_rooted_trees()
    {
        // OEIS A000081, 1 to 20 and the last that fits.
        long[] expected = [1, 1, 2, 4, 9, 20, 48, 115, 286, 719, 1842, 4766, 12486, 32973, 87811, 235381, 634847, 1721159, 4688676, 12826228];
        Assert.Equal(expected, Enumerable.Range(1, expected.Length).Select(RootedTreeSequence.Count));
        Assert.Throws<ArgumentOutOfRangeException>(() => RootedTreeSequence.Count(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => RootedTreeSequence.Count(RootedTreeSequence.MaxNodes + 1));
    }

    [Fact]
    public void The_largest_number_of_rooted_trees_still_fits()
    {
        long last = 0;
        for (int nodes = 1; nodes <= RootedTreeSequence.MaxNodes; nodes++)
        {
            long count = RootedTreeSequence.Count(nodes);
            Assert.True(count >= last, $"{count} after {last}.");
            last = count;
        }

        // The sequence grows by a factor that tends to 2.9557…: one more would not fit.
        Assert.True(last > long.MaxValue / 2.95);
    }

    [Fact]
    public void Zones_and_membranes_are_laid_out_as_specified()
    {
        using TreeZoneAllocator zones = new();
        long[] offsets = [0, 1, 2, 4, 8, 16, 32, 64];
        int[] membranes = [1, 1, 2, 4, 9, 20, 48, 115];
        IReadOnlyList<TreeZoneInfo> infos = zones.GetZones();
        Assert.Equal(TreeZoneAllocator.LevelCount, infos.Count);
        for (int level = 0; level < infos.Count; level++)
        {
            long end = level == 7 ? 1024 : offsets[level + 1];
            Assert.Equal((level, membranes[level], offsets[level] * MiB, (end - offsets[level]) * MiB), (infos[level].Level, infos[level].MembraneCount, infos[level].BaseOffset, infos[level].ZoneBytes));
            Assert.Equal(0x40000000 + (offsets[level] * MiB), infos[level].LogicalAddress);
            Assert.Equal(infos[level].LogicalAddress, zones.ToLogical(infos[level].Address));
            Assert.Equal(infos[level].Address, zones.FromLogical(infos[level].LogicalAddress));
            Assert.Equal((1L, infos[level].Address), (infos[level].FreeBlocks, infos[level].FirstFreeAddress));
            Assert.True(zones.ValidateLevel(level, out string? violation), violation);

            IReadOnlyList<TreeMembraneInfo> parts = zones.GetMembranes(level);
            Assert.Equal(membranes[level], parts.Count);
            Assert.Equal(infos[level].ZoneBytes, parts.Sum(part => part.Bytes));
            Assert.True(parts.Max(part => part.Bytes) - parts.Min(part => part.Bytes) <= 4096 * 4);
            Assert.All(parts.Zip(parts.Skip(1)), pair => Assert.Equal(pair.First.Address + (nint)pair.First.Bytes, pair.Second.Address));
            Assert.Equal(parts[0].Bytes, parts[0].LargestFreeBytes);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => zones.ToLogical(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => zones.FromLogical(TreeZoneAllocator.LogicalBase - 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => zones.FromLogical(TreeZoneAllocator.LogicalBase + (1024 * MiB)));
    }

    [Fact]
    public void A_damaged_layout_does_not_validate()
    {
        using TreeZoneAllocator zones = new();
        TreeZone zone = zones.Zones[4];
        zones.AllocateAt(64, 4, membrane: 0);
        zones.AllocateAt(64, 4, membrane: 1);
        MembraneTree?[] sound = zone.Membranes;

        zone.Membranes = sound[..^1];
        Assert.False(zones.ValidateLevel(4, out string? count));
        Assert.Contains("8 membranes", count, StringComparison.Ordinal);
        Assert.False(zones.CheckIntegrity().IsIntact);

        zone.Membranes = [sound[1], sound[0], .. sound[2..]];
        Assert.False(zones.ValidateLevel(4));
        zone.Membranes = sound;
        Assert.True(zones.ValidateLevel(4));

        // A zone that is not where the sequence of offsets puts it: its neighbours are wrong as well.
        (zones.Zones[2], zones.Zones[3]) = (zones.Zones[3], zones.Zones[2]);
        Assert.False(zones.ValidateLevel(2));
        Assert.False(zones.ValidateLevel(3));
        Assert.False(zones.ValidateLevel(4));
        Assert.True(zones.ValidateLevel(6));
        (zones.Zones[2], zones.Zones[3]) = (zones.Zones[3], zones.Zones[2]);
        Assert.True(zones.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Levels_are_taken_as_named_and_membranes_from_the_lowest()
    {
        using TreeZoneAllocator zones = new();
        for (int level = 0; level < TreeZoneAllocator.LevelCount; level++)
        {
            TreeZoneInfo info = zones.GetZone(level);
            nint first = zones.AllocateAt(1024, level);
            nint second = zones.AllocateAt(1024, level, owner: new OwnerId(-level));
            Assert.Equal((info.Address, info.Address + 1024), (first, second));
            nint last = zones.AllocateAt(64, level, info.MembraneCount - 1);
            TreeMembraneInfo membrane = zones.GetMembranes(level)[^1];
            Assert.True(last >= membrane.Address && last < membrane.Address + (nint)membrane.Bytes);
            Assert.Equal(2112, zones.GetZone(level).AllocatedBytes);
            Assert.Equal(3, zones.GetZone(level).LiveBlocks);
        }

        // Without a level, the one with the most memory.
        Assert.Equal(zones.GetZone(7).Address + 2048, zones.Allocate(100));
        Assert.Equal([.. Enumerable.Range(0, 8).Select(level => $"level {level}")], zones.GetGroups().Select(group => group.Name));
        Assert.Equal(25, zones.GetGroups().Sum(group => group.LiveBlocks));
        List<MemoryExtent> extents = [.. zones.EnumerateExtents()];
        Assert.Equal(zones.GetStatistics().CommittedBytes, extents.Sum(extent => extent.Bytes));
        Assert.All(zones.EnumerateBlocks(), block => Assert.Contains(extents, extent => block.Address >= extent.Address && block.Address + (nint)block.UsableBytes <= extent.Address + (nint)extent.Bytes));
        Assert.True(zones.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void A_block_larger_than_a_membrane_spans_several_and_one_larger_than_the_zone_is_refused()
    {
        using TreeZoneAllocator zones = new();
        nint small = zones.AllocateAt(16, 4);
        nint wide = zones.AllocateAt((nuint)(3 * MiB), 4, options: AllocationOptions.Zeroed);
        Assert.Equal(small + 16, wide);
        Assert.Equal(-1, new ReadOnlySpan<byte>((void*)wide, (int)(3 * MiB)).IndexOfAnyExcept((byte)0));
        Assert.Equal((nuint)(3 * MiB), zones.UsableSize(wide));
        Assert.True(zones.CheckIntegrity().IsIntact);

        AllocationFailedException whole = Assert.Throws<AllocationFailedException>(() => zones.AllocateAt((nuint)(8 * MiB) + 16, 4));
        Assert.Equal(TreeZoneError.OutOfMemory, TreeZoneException.CodeOf(whole));
        AllocationFailedException membrane = Assert.Throws<AllocationFailedException>(() => zones.AllocateAt((nuint)MiB, 4, membrane: 8));
        Assert.Equal(TreeZoneError.OutOfMemory, TreeZoneException.CodeOf(membrane));

        // A level is not left, but without a level the others are tried.
        nint largest = zones.Allocate((nuint)(960 * MiB));
        Assert.Equal(zones.GetZone(7).Address, largest);
        Assert.Throws<AllocationFailedException>(() => zones.AllocateAt(16, 7));
        Assert.Equal(zones.GetZone(6).Address, zones.Allocate(16));
        zones.Free(largest);
        Assert.True(zones.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Each_error_code_has_its_error()
    {
        TreeZoneAllocator zones = new(new TreeZoneOptions { TotalBytes = 32 * MiB });
        Assert.Equal([0, -1, -2, -3, -4, -5], Enum.GetValues<TreeZoneError>().Select(code => (int)code).OrderDescending());
        Assert.Equal(TreeZoneError.InvalidArgument, CodeOf(() => zones.AllocateAt(16, 8)));
        Assert.Equal(TreeZoneError.InvalidArgument, CodeOf(() => zones.AllocateAt(16, -1)));
        Assert.Equal(TreeZoneError.InvalidArgument, CodeOf(() => zones.AllocateAt(0, 1)));
        Assert.Equal(TreeZoneError.InvalidArgument, CodeOf(() => zones.AllocateAt(16, 3, membrane: 4)));
        Assert.Equal(TreeZoneError.InvalidArgument, CodeOf(() => zones.AllocateAt(16, 3, alignment: 4 << 20)));
        Assert.Equal(TreeZoneError.InvalidArgument, CodeOf(() => zones.ValidateLevel(8)));
        Assert.Equal(TreeZoneError.InvalidArgument, CodeOf(() => zones.GetMembranes(-1)));
        Assert.Equal(TreeZoneError.InvalidArgument, CodeOf(() => zones.Free(16)));
        Assert.Equal(TreeZoneError.OutOfMemory, CodeOf(() => zones.AllocateAt((nuint)MiB, 0)));

        // Every second page of level 1 taken: half of it is free, and no two pages side by side.
        List<nint> pages = [];
        while (zones.TryAllocateAt(4096, 1, out nint page))
        {
            pages.Add(page);
        }

        Assert.Equal(TreeZoneError.OutOfMemory, CodeOf(() => zones.AllocateAt(8192, 1)));
        for (int i = 0; i < pages.Count; i += 2)
        {
            zones.Free(pages[i]);
        }

        Assert.Equal(TreeZoneError.Fragmented, CodeOf(() => zones.AllocateAt(8192, 1)));
        Assert.Equal(TreeZoneError.None, TreeZoneException.CodeOf(null));
        Assert.Equal(TreeZoneError.None, TreeZoneException.CodeOf(new InvalidOperationException()));

        zones.Dispose();
        Assert.Equal(TreeZoneError.NotInitialized, CodeOf(() => zones.AllocateAt(16, 1)));
        Assert.Equal(TreeZoneError.NotInitialized, CodeOf(() => zones.GetZone(1)));
        Assert.Equal(TreeZoneError.NotInitialized, CodeOf(() => zones.ValidateLevel(1)));
        Assert.Equal(TreeZoneError.NotInitialized, CodeOf(() => zones.Defragment()));
        Assert.Equal(TreeZoneError.NotInitialized, CodeOf(() => zones.ResizeZone(1, MiB)));
        Assert.Equal(TreeZoneError.NotInitialized, CodeOf(() => zones.AllocateMovable(16)));
    }

    [Fact]
    public void Configurations_that_cannot_be_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new TreeZoneAllocator(new TreeZoneOptions { TotalBytes = TreeZoneAllocator.MinTotalBytes / 2 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TreeZoneAllocator(new TreeZoneOptions { TotalBytes = TreeZoneAllocator.MaxTotalBytes * 2 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TreeZoneAllocator(new TreeZoneOptions { TotalBytes = (64 * MiB) + 1 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TreeZoneAllocator(new TreeZoneOptions { LimitBytes = 0 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TreeZoneAllocator(new TreeZoneOptions { FreeLimit = TimeSpan.Zero }));
        foreach (long total in (long[])[TreeZoneAllocator.MinTotalBytes, (100 * MiB) + (48 << 10), 3L << 30])
        {
            using TreeZoneAllocator zones = new(new TreeZoneOptions { TotalBytes = total });
            Assert.Equal(total, zones.GetZones().Sum(zone => zone.ZoneBytes));
            Assert.All(Enumerable.Range(0, 8), level => Assert.True(zones.ValidateLevel(level)));
        }

        using MemoryAllocator made = AllocatorCatalog.Create("tree", new AllocatorSettings { CapacityBytes = 123_456 });
        Assert.IsType<TreeZoneAllocator>(made);
        Assert.Equal(123_456, made.GetStatistics().LimitBytes);
        made.Free(made.Allocate(50_000));
        Assert.False(made.TryAllocate(123_457, out _));
    }

    [Fact]
    public void The_nine_fields_say_what_happened()
    {
        using TreeZoneAllocator zones = new();
        Assert.Equal(new TreeZoneStatistics { TotalFreeBytes = 1024 * MiB }, zones.GetZoneStatistics());
        List<nint> blocks = [];
        for (int i = 0; i < 10_000; i++)
        {
            blocks.Add(zones.Allocate(1000));
        }

        for (int i = 0; i < blocks.Count; i += 2)
        {
            zones.Free(blocks[i]);
        }

        TreeZoneStatistics statistics = zones.GetZoneStatistics();
        Assert.Equal((5_000 * 1008L, (1024 * MiB) - (5_000 * 1008L), 10_000 * 1008L), (statistics.TotalAllocatedBytes, statistics.TotalFreeBytes, statistics.PeakUsageBytes));
        Assert.Equal((10_000L, 5_000L), (statistics.AllocationCount, statistics.DeallocationCount));
        Assert.InRange(statistics.FragmentationPercent, 40, 51);
        Assert.InRange(statistics.OverheadPercent, 1, 8);
        Assert.True(statistics.AverageAllocationNanoseconds > 0);
        Assert.True(statistics.AverageFreeNanoseconds > 0);
        Assert.Equal(1000 / 1008.0, 1 - zones.GetStatistics().InternalFragmentation, 6);
    }

    [Fact]
    public void Each_cause_of_pressure_is_raised_once_and_again_after_it_was_gone()
    {
        using TreeZoneAllocator zones = new(new TreeZoneOptions { TotalBytes = 64 * MiB, LimitBytes = 8 * MiB });
        List<int> raised = [];
        zones.AddPressureCallback(cause =>
        {
            raised.Add(cause);

            // No lock is held: a handler may do anything.
            Assert.True(zones.CheckIntegrity().IsIntact);
            zones.Defragment();
        });

        List<nint> blocks = [];
        for (int i = 0; i < 7 * 1024; i++)
        {
            blocks.Add(zones.Allocate(1024));
        }

        Assert.Empty(raised);
        for (int i = 0; i < 300; i++)
        {
            blocks.Add(zones.Allocate(1024));
        }

        Assert.Equal([3], raised);
        for (int i = 0; i < blocks.Count; i += 2)
        {
            zones.Free(blocks[i]);
        }

        Assert.Equal([3, 1], raised);
        zones.Reset();
        zones.CheckPressure();

        // Blocks of one granule, each with a tag: about a quarter of overhead.
        for (int i = 0; i < 100_000; i++)
        {
            zones.Allocate(16, owner: new OwnerId(i + 1));
        }

        Assert.Equal([3, 1, 2], raised);
        zones.Reset();
        zones.CheckPressure();
        nint most = zones.Allocate((nuint)(MiB * 15 / 2));
        zones.Free(most);
        Assert.Equal([3, 1, 2, 3], raised);
        Assert.Throws<ArgumentNullException>(() => zones.AddPressureCallback(null!));
    }

    [Fact]
    public void A_pressure_handler_that_fails_takes_no_block_with_it()
    {
        using TreeZoneAllocator zones = new(new TreeZoneOptions { TotalBytes = 64 * MiB, LimitBytes = 4 * MiB });
        zones.PressureRaised += (_, e) => throw new InvalidOperationException($"{e.Cause} {e.Percent:N0}");
        Assert.Equal("Use 95", Assert.Throws<InvalidOperationException>(() => zones.Allocate((nuint)(MiB * 38 / 10))).Message);
        Assert.Equal((0L, 1L, 1L), (zones.GetStatistics().LiveBlocks, zones.GetStatistics().AllocationCount, zones.GetStatistics().FreeCount));
        Assert.True(zones.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Operations_over_their_limit_are_reported_and_done()
    {
        // No operation takes less than a tenth of a microsecond with the clock's own two looks, so all are over the limit; and none takes an hour.
        TimeSpan tick = TimeSpan.FromTicks(1);
        using TreeZoneAllocator strict = new(new TreeZoneOptions { TotalBytes = 64 * MiB, WatchLatency = true, AllocationLimit = tick, FreeLimit = tick });
        List<LatencyExceededEventArgs> late = [];
        strict.LatencyExceeded += (_, e) => late.Add(e);
        nint block = strict.Allocate((nuint)(8 * MiB), options: AllocationOptions.Zeroed);
        Assert.True(strict.Owns(block));
        strict.Free(block);
        Assert.NotEmpty(late);
        Assert.Equal(late.Count, strict.LatencyExceededCount);
        Assert.Equal((TreeZoneOperation.Allocate, block, tick), (late[0].Operation, late[0].Address, late[0].Limit));
        Assert.True(late[0].Elapsed > tick);
        Assert.Equal(TreeZoneError.LatencyExceeded, TreeZoneException.CodeOf(late[0].ToException()));

        using TreeZoneAllocator patient = new(new TreeZoneOptions { TotalBytes = 64 * MiB, WatchLatency = true, AllocationLimit = TimeSpan.FromHours(1), FreeLimit = TimeSpan.FromHours(1) });
        patient.LatencyExceeded += (_, e) => Assert.Fail(e.ToException().Message);
        patient.Free(patient.Allocate((nuint)(8 * MiB)));
        Assert.Equal(0, patient.LatencyExceededCount);
    }

    [Fact]
    public void Damage_is_found()
    {
        using TreeZoneAllocator zones = new();
        nint block = zones.Allocate(100);
        zones.Allocate(10_000, owner: new OwnerId(3));
        zones.AllocateAt(100, 7, membrane: 1);
        Assert.True(zones.CheckIntegrity().IsIntact);
        TreeZone zone = zones.Zones[7];
        ulong* used = zones.Map.Used(zone.FirstLeaf);
        Damage(() => used[0] ^= 1);
        Damage(() => used[0] ^= 1UL << 3);
        Damage(() => used[3] ^= 1UL << 63);
        Damage(() => used[4] ^= 1UL << 7);
        Damage(() => zones.Map.Words[zone.FirstLeaf + 1] ^= LeafMap.Committed);
        Damage(() => zones.Map.Words[zone.FirstLeaf] ^= 4);
        Damage(() => zone.FreeRuns ^= 2);
        Damage(() => zone.LiveGranules ^= 1);
        Damage(() => zone.Membranes[1]!.LiveBlocks ^= 1);
        Damage(() => zone.LongestFree[2] ^= 1);
        zones.Free(block);

        void Damage(Action flip)
        {
            flip();
            Assert.NotEmpty(zones.CheckIntegrity().Violations);
            flip();
            Assert.True(zones.CheckIntegrity().IsIntact);
        }
    }

    [Fact]
    public void Blocks_change_their_size_in_place_across_pages_and_membranes()
    {
        using TreeZoneAllocator zones = new();
        nint block = zones.AllocateAt(100, 6, owner: new OwnerId(8));
        *(long*)block = 42;
        foreach (nuint size in (nuint[])[5_000, 60_000, 4_096, 300, 16, 1, 40_000, 4_097, 20_000, 8_192])
        {
            Assert.Equal(block, zones.Reallocate(block, size));
            Assert.Equal((size + 15) / 16 * 16, zones.UsableSize(block));
            Assert.Equal(42, *(long*)block);
            Assert.Equal(new OwnerId(8), Assert.Single(zones.EnumerateBlocks()).Owner);
            IntegrityReport report = zones.CheckIntegrity();
            Assert.True(report.IsIntact, string.Join(Environment.NewLine, report.Violations));
        }

        Assert.Equal((1L, 0L, 8_192L), (zones.GetStatistics().AllocationCount, zones.GetStatistics().FreeCount, zones.GetStatistics().LiveBytes));
        zones.AllocateAt(16, 6);
        nint moved = zones.Reallocate(block, 10_000);
        Assert.NotEqual(block, moved);
        Assert.Equal(42, *(long*)moved);
        nint wide = zones.AllocateAt((nuint)(3 * MiB), 6);
        Assert.Equal(wide, zones.Reallocate(wide, (nuint)(2 * MiB) + 16));
        Assert.Equal(wide, zones.Reallocate(wide, 16));
        Assert.True(zones.CheckIntegrity().IsIntact);
        MovableHandle handle = zones.AllocateMovable(16);
        using MovablePin pin = zones.Pin(handle);
        nint pinned = pin.Address;
        Assert.Throws<MemoryFaultException>(() => zones.Reallocate(pinned, 32));
        Assert.Throws<AllocationFailedException>(() => zones.Reallocate(wide, nuint.MaxValue));
        Assert.True(zones.Owns(wide));
    }

    [Fact]
    public void Faults_are_named_and_change_nothing()
    {
        using TreeZoneAllocator zones = new();
        nint block = zones.Allocate(100, owner: new OwnerId(5));
        nint large = zones.AllocateAt((nuint)(2 * MiB), 6);
        MemoryFaultException inside = Fault(MemoryFault.NotABlockStart, large + 1_500_000);
        Assert.Equal(2 * MiB, inside.SizeBytes);
        Assert.Equal(new OwnerId(5), Fault(MemoryFault.NotABlockStart, block + 16).Owner);
        Fault(MemoryFault.NotABlockStart, block + 8);
        Fault(MemoryFault.NotABlockStart, zones.GetZone(3).Address + 160);
        Fault(MemoryFault.ForeignFree, zones.GetZone(0).Address - 16);
        Assert.Equal(MemoryFault.WrongSize, Assert.Throws<MemoryFaultException>(() => zones.FreeSized(block, 99)).Fault);
        zones.Free(block);
        Fault(MemoryFault.DoubleFree, block);
        zones.Free(large);
        Fault(MemoryFault.DoubleFree, large);

        // Once the memory is used again, the stale address is no longer known as a block's.
        nint again = zones.Allocate(16);
        Assert.Equal(block, again);
        nint over = zones.Allocate(4096, alignment: 4096);
        Assert.Equal(block + 4096, over);
        Assert.Equal((2L, 4112L), (zones.GetStatistics().LiveBlocks, zones.GetStatistics().LiveBytes));

        MemoryFaultException Fault(MemoryFault expected, nint address)
        {
            MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => zones.Free(address));
            Assert.Equal(expected, fault.Fault);
            Assert.False(zones.Owns(address));
            Assert.True(zones.CheckIntegrity().IsIntact);
            return fault;
        }
    }

    [Fact]
    public void After_a_peak_trim_gives_the_memory_and_its_bookkeeping_back()
    {
        using TreeZoneAllocator zones = new();
        List<nint> blocks = [];
        for (int i = 0; i < 50_000; i++)
        {
            blocks.Add(zones.Allocate(1500));
        }

        long metadata = zones.GetStatistics().MetadataBytes;
        foreach (nint block in blocks.Skip(100))
        {
            zones.Free(block);
        }

        AllocatorStatistics idle = zones.GetStatistics();
        Assert.Equal(idle.IdleBytes, zones.Trim());
        AllocatorStatistics trimmed = zones.GetStatistics();
        Assert.Equal((0L, idle.CommittedBytes - idle.IdleBytes), (trimmed.IdleBytes, trimmed.CommittedBytes));
        Assert.True(trimmed.CommittedBytes <= trimmed.LiveBytes * 1.1);
        Assert.True(trimmed.MetadataBytes < metadata / 10);
        Assert.True(zones.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void A_full_limit_is_met_by_giving_idle_pages_back_before_anything_is_refused()
    {
        using TreeZoneAllocator zones = new(new TreeZoneOptions { TotalBytes = 64 * MiB, LimitBytes = 2 * MiB });
        nint first = zones.AllocateAt((nuint)MiB, 6);
        nint second = zones.AllocateAt((nuint)MiB - 4096, 7);
        zones.Free(first);
        nint third = zones.AllocateAt((nuint)(MiB / 2), 5);
        Assert.True(zones.GetStatistics().CommittedBytes <= 2 * MiB);
        Assert.Throws<LimitExceededException>(() => zones.AllocateAt((nuint)MiB, 7));
        zones.Free(second);
        zones.Free(third);
    }

    private static TreeZoneError CodeOf(Action action) => TreeZoneException.CodeOf(Record.Exception(action));

    private static TreeZoneError CodeOf(Func<object> action) => TreeZoneException.CodeOf(Record.Exception(() => { action(); }));
}
