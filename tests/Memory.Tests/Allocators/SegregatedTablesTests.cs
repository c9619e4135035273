using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>What the segregated heap keeps for itself: little in a small heap, and nothing is lost when tables move because the heap has grown.</summary>
public sealed class SegregatedTablesTests
{
    private const int MiB = 1 << 20;

    [Fact]
    public void A_small_heap_has_small_tables()
    {
        using SegregatedAllocator allocator = new();
        for (nuint size = 16; size <= 1024; size += 16)
        {
            allocator.Free(allocator.Allocate(size));
            allocator.Allocate(size);
        }

        // A page of lines, a page for all other tables, and what waits to be merged.
        Assert.InRange(allocator.GetStatistics().MetadataBytes, 1, (2 * VirtualMemory.PageSize) + (4 << 10));
    }

    [Fact]
    public void Tables_follow_what_is_committed()
    {
        using SegregatedAllocator allocator = new();
        long before = allocator.GetStatistics().MetadataBytes;
        for (int i = 0; i < 3 * MiB / 256; i++)
        {
            allocator.Allocate(256);
        }

        AllocatorStatistics full = allocator.GetStatistics();
        Assert.InRange(full.MetadataBytes - before, 1, (full.CommittedBytes * 3 / 100) + (2 * VirtualMemory.PageSize));
    }

    [Fact]
    public void Free_blocks_are_found_again_whatever_tables_have_moved()
    {
        // Up to where every table has left the head; the blocks themselves are never touched.
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(3L << 30);
        List<(nint Address, nuint Size)> holes = [];
        Random random = new(17);
        long filler = 128 << 10;
        while (true)
        {
            for (int i = 0; i < 40; i++)
            {
                nuint size = (nuint)random.Next(1, 31) * 16;
                nint hole = allocator.Allocate(size);
                allocator.Allocate(16);
                holes.Add((hole, size));
            }

            holes.ForEach(hole => allocator.Free(hole.Address));
            Assert.Empty(allocator.CheckIntegrity().Violations);
            if (filler > 1L << 30)
            {
                break;
            }

            // Grows the heap while all of these are free.
            allocator.Allocate((nuint)filler);
            filler *= 2;
            Assert.Empty(allocator.CheckIntegrity().Violations);
            HashSet<nint> places = [.. holes.Select(hole => hole.Address)];
            for (int i = 0; i < holes.Count; i++)
            {
                nint address = allocator.Allocate(holes[i].Size);
                Assert.True(places.Remove(address), $"A block of {holes[i].Size} bytes was not cut from where one of that size was free.");
                holes[i] = (address, holes[i].Size);
            }
        }

        allocator.Reset();
        Assert.Empty(allocator.CheckIntegrity().Violations);
        Assert.Equal(allocator.GetUsage().TotalBytes, allocator.GetUsage().FreeBytes + allocator.CapacityBytes - allocator.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void Blocks_that_wait_are_known_when_places_for_larger_ones_are_made()
    {
        using SegregatedAllocator allocator = new();
        nint small = allocator.Allocate(64);
        nint page = allocator.Allocate(4096);
        long before = allocator.GetStatistics().MetadataBytes;
        allocator.Free(small);
        allocator.Free(page);
        MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => allocator.Free(small));
        Assert.Equal((MemoryFault.DoubleFree, 64L), (fault.Fault, fault.SizeBytes));
        Assert.Throws<MemoryFaultException>(() => allocator.Free(page));
        Assert.Equal(page, allocator.Allocate(4096));
        Assert.Equal(small, allocator.Allocate(64));
        Assert.True(allocator.GetStatistics().MetadataBytes > before);
    }

    [Fact]
    public void What_was_freed_lately_is_remembered_when_there_is_room_for_more()
    {
        LastLives lives = new(5);
        for (uint granule = 1; granule <= 32; granule++)
        {
            lives.Note(granule, granule + 7, new OwnerId((int)granule));
        }

        bool[] before = [.. Enumerable.Range(1, 32).Select(granule => lives.TryGet((uint)granule, out _, out _))];
        Assert.Contains(true, before);
        lives.TryGrow(8);
        for (uint granule = 1; granule <= 32; granule++)
        {
            Assert.Equal(before[granule - 1], lives.TryGet(granule, out uint granules, out OwnerId owner));
            Assert.Equal(before[granule - 1] ? (granule + 7, (int)granule) : (0, 0), (granules, owner.Value));
        }

        Assert.True(lives.Bytes > new LastLives(5).Bytes);
    }
}
