using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Freed blocks that the next request of their size takes as they are.</summary>
public sealed unsafe class ParkedBlockTests
{
    private const int KiB = 1 << 10;

    [Theory]
    [InlineData(33_000)]
    [InlineData(64 * KiB)]
    [InlineData(100_001)]
    [InlineData(256 * KiB)]
    public void Serves_the_next_request_of_its_size_and_is_counted_like_any_other(int size)
    {
        using GeneralAllocator general = new();
        nint held = general.Allocate((nuint)size);
        nint first = general.Allocate((nuint)size);
        general.Free(first);
        Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => general.Free(first)).Fault);
        AllocatorStatistics before = general.GetStatistics();

        // Looking has merged what was parked, so it is parked once more.
        general.Free(general.Allocate((nuint)size));
        nint second = general.Allocate((nuint)size - 7);
        Assert.Equal(first, second);
        Assert.Equal(size - 7, general.EnumerateBlocks().Single(block => block.Address == second).RequestedBytes);
        AllocatorStatistics after = general.GetStatistics();
        Assert.Equal((2, 1, 2), (after.AllocationCount - before.AllocationCount, after.FreeCount - before.FreeCount, after.LiveBlocks));
        Assert.Equal((2L * size) - 7, after.RequestedBytes);
        Assert.Equal(before.PeakLiveBytes, after.PeakLiveBytes);
        Assert.Equal(before.CommittedBytes, after.CommittedBytes);
        general.FreeSized(second, (nuint)size - 7);
        general.Free(held);
        Assert.Equal(0, general.GetStatistics().LiveBytes);
        Assert.True(general.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Raises_the_peak()
    {
        using GeneralAllocator general = new();
        nint block = general.Allocate(64 * KiB);
        general.Free(block);
        nint small = general.Allocate(1000);
        Assert.Equal(block, general.Allocate(64 * KiB));
        AllocatorStatistics statistics = general.GetStatistics();
        Assert.Equal(statistics.LiveBytes, statistics.PeakLiveBytes);
        general.Free(small);
    }

    [Fact]
    public void Has_no_owner_but_the_one_who_asks_now()
    {
        using GeneralAllocator general = new();
        OwnerId owner = new(7);
        nint block = general.Allocate(64 * KiB, owner: owner);
        Assert.Equal(owner, general.EnumerateBlocks().Single().Owner);
        general.Free(block);
        Assert.Equal(block, general.Allocate(64 * KiB));
        Assert.Equal(OwnerId.None, general.EnumerateBlocks().Single().Owner);
    }

    [Fact]
    public void Serves_no_request_that_would_pass_a_reserve()
    {
        using ZoneAllocator zones = new(new ZoneOptions { MinBlockBytes = 4 * KiB });
        nint high = zones.Allocate(64 * KiB);
        nint dma = zones.AllocateFrom(ZoneType.Dma, 64 * KiB);
        zones.Free(dma);
        Assert.NotEqual(dma, zones.Allocate(64 * KiB));
        Assert.Equal(ZoneType.High, zones.ZoneOf(high));
        Assert.False(zones.TryTakeParked(64 * KiB, out _));
    }

    [Fact]
    public void Is_not_given_once_the_allocator_is_disposed()
    {
        BuddyAllocator buddy = new();
        buddy.Free(buddy.Allocate(64 * KiB));
        buddy.Dispose();
        Assert.Throws<ObjectDisposedException>(() => buddy.Allocate(64 * KiB));
        GeneralAllocator general = new();
        general.Free(general.Allocate(64 * KiB));
        general.Dispose();
        Assert.Throws<ObjectDisposedException>(() => general.Allocate(64 * KiB));
    }

    [Fact]
    public void Sizes_near_the_end_of_the_address_space_find_none()
    {
        using BuddyAllocator buddy = new();
        buddy.Free(buddy.Allocate(4 * KiB));
        foreach (nuint size in new[] { nuint.MaxValue, nuint.MaxValue - 4095, nuint.MaxValue - 4096, nuint.MaxValue / 2 })
        {
            Assert.False(buddy.TryTakeParked(size, out _));
            Assert.Throws<AllocationFailedException>(() => buddy.Allocate(size));
        }
    }

    [Fact]
    public void Goes_back_while_the_program_grows_and_does_not_ask_for_its_size()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Skip("Resident bytes of a range are known on Linux alone.");
        }

        using GeneralAllocator general = new();
        nint left = Used(general, 160 * KiB);
        nint wanted = Used(general, 64 * KiB);
        general.Free(left);
        general.Free(wanted);
        for (int block = 0; block < 40_000; block++)
        {
            Used(general, 100);
            if (block % 100 == 0)
            {
                nint again = Used(general, 64 * KiB);
                Assert.Equal(wanted, again);
                general.Free(again);
            }
        }

        Assert.Equal(0, VirtualMemory.ResidentBytes(left, 160 * KiB));
        Assert.Equal(64 * KiB, VirtualMemory.ResidentBytes(wanted, 64 * KiB));
        Assert.True(general.CheckIntegrity().IsIntact);
    }

    private static nint Used(MemoryAllocator allocator, int bytes)
    {
        nint block = allocator.Allocate((nuint)bytes);
        NativeMemory.Fill((void*)block, (nuint)bytes, 0xAB);
        return block;
    }
}
