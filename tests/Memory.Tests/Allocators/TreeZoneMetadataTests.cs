using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>What the zones keep for themselves follows what is used of them.</summary>
public sealed class TreeZoneMetadataTests
{
    [Fact]
    public void A_small_program_pays_for_one_membrane()
    {
        using TreeZoneAllocator zones = new();
        for (nuint size = 16; size <= 1024; size += 16)
        {
            zones.Free(zones.Allocate(size));
            zones.Allocate(size);
        }

        // A page of words, a page of bits, the search tree of one membrane, which is about a page, and a place for each of the 200 others.
        Assert.InRange(zones.GetStatistics().MetadataBytes, 1, (3 * VirtualMemory.PageSize) + (6 << 10));
        Assert.Equal(1, zones.Zones.Sum(zone => zone.Membranes.Count(membrane => membrane is not null)));
    }

    [Fact]
    public void Membranes_come_with_the_blocks_that_lie_in_them_and_are_counted()
    {
        using TreeZoneAllocator zones = new();
        long before = zones.GetStatistics().MetadataBytes;
        nint single = zones.AllocateAt(64, 6, membrane: 47);
        long one = zones.GetStatistics().MetadataBytes;
        Assert.True(one > before);

        // Longer than a membrane: it lies in several, all of which know.
        long bytes = zones.GetMembranes(6).Take(3).Sum(membrane => membrane.Bytes);
        nint spanning = zones.AllocateAt((nuint)bytes, 6);
        Assert.True(zones.GetStatistics().MetadataBytes > one);
        Assert.True(zones.CheckIntegrity().IsIntact);
        Assert.All(zones.GetMembranes(6).Take(3), membrane => Assert.Equal(0, membrane.LargestFreeBytes));
        Assert.Equal(zones.GetMembranes(6)[5].Bytes, zones.GetMembranes(6)[5].LargestFreeBytes);
        zones.Free(spanning);
        zones.Free(single);
        Assert.True(zones.CheckIntegrity().IsIntact);
        Assert.Equal(zones.GetMembranes(6)[1].Bytes, zones.GetMembranes(6)[1].LargestFreeBytes);
        Assert.True(zones.ValidateLevel(6));
    }

    [Fact]
    public void A_resized_zone_knows_the_blocks_in_membranes_that_are_new()
    {
        using TreeZoneAllocator zones = new();
        TreeMembraneInfo[] membranes = [.. zones.GetMembranes(7)];
        nint[] blocks = [.. Enumerable.Range(100, 3).Select(i => zones.AllocateAt(4096, 7, membrane: i))];
        zones.ResizeZone(6, zones.GetZone(6).ZoneBytes * 2);
        Assert.True(zones.CheckIntegrity().IsIntact);
        Assert.NotEqual(membranes[100].Address, zones.GetMembranes(7)[100].Address);
        foreach (nint block in blocks)
        {
            zones.Free(block);
        }

        Assert.True(zones.CheckIntegrity().IsIntact);
        Assert.Equal(0, zones.GetStatistics().LiveBlocks);
    }
}
