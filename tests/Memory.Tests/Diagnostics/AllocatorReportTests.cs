using System.Text;
using System.Text.Json;

namespace DimensionStore.Memory.Tests.Diagnostics;

public sealed class AllocatorReportTests
{
    [Fact]
    public void Owners_and_groups_add_up_to_the_whole()
    {
        using LatencyLayer allocator = new(new PoolAllocator(PoolConfig.Default, 8 << 20), sampleEvery: 1);
        for (int i = 0; i < 30; i++)
        {
            allocator.Allocate((nuint)(1 + (i * 1000)), owner: new OwnerId(i % 3));
        }

        AllocatorReport report = AllocatorReport.Create(allocator, "mine");
        Assert.Equal("mine", report.Name);
        Assert.Equal([0, 1, 2], report.Owners.Select(o => o.Owner).Order());
        Assert.Equal(report.Owners.Select(o => o.LiveBytes).OrderDescending(), report.Owners.Select(o => o.LiveBytes));
        Assert.All(report.Owners, owner => Assert.Equal(10, owner.LiveBlocks));
        Assert.Equal(report.Statistics.LiveBytes, report.Owners.Sum(o => o.LiveBytes));
        Assert.Equal(report.Statistics.RequestedBytes, report.Owners.Sum(o => o.RequestedBytes));
        Assert.Equal(report.Statistics.LiveBytes, report.Groups.Sum(g => g.LiveBytes));
        Assert.Equal(30, report.AllocationLatency!.Buckets.Sum(b => b.Count));
        Assert.Equal(0, report.FreeLatency!.Summary.SampleCount);
    }

    [Fact]
    public void Json_has_every_part()
    {
        using PoolAllocator plain = new([new PoolConfig(4096, 64 << 10)], 64 << 10);
        plain.Allocate(100, owner: new OwnerId(7));
        Assert.Equal(
            """
            {"name":"PoolAllocator","threadSafe":true,"disposed":false,"statistics":{},"groups":[{"kind":"sizeClass","name":"4096 B","liveBlocks":1,"liveBytes":4096,"freeBlocks":15,"committedBytes":65536,"limitBytes":65536}],"owners":[{"owner":7,"liveBlocks":1,"requestedBytes":100,"liveBytes":4096,"oldestSeconds":0}],"allocationLatency":null,"freeLatency":null}
            """,
            System.Text.RegularExpressions.Regex.Replace(Json(AllocatorReport.Create(plain)), "\"statistics\":\\{[^}]*\\}", "\"statistics\":{}"));

        using LatencyLayer timed = new(new PoolAllocator(PoolConfig.Default, 1 << 20), sampleEvery: 1);
        timed.Free(timed.Allocate(1));
        JsonElement json = JsonDocument.Parse(Json(AllocatorReport.Create(timed))).RootElement;
        Assert.Equal(1, json.GetProperty("freeLatency").GetProperty("sampleCount").GetInt64());
        Assert.Equal(1, json.GetProperty("allocationLatency").GetProperty("buckets")[0].GetProperty("count").GetInt64());
        Assert.Equal(Statistics.Fields<AllocatorStatistics>().Select(f => f.Name), json.GetProperty("statistics").EnumerateObject().Select(p => p.Name));
    }

    [Fact]
    public void A_disposed_allocator_has_its_last_statistics_and_nothing_else()
    {
        PoolAllocator pool = new(PoolConfig.Default, 1 << 20);
        pool.Allocate(100);
        AllocatorRegistry.Register(pool, "report of the disposed");
        pool.Dispose();
        AllocatorReport report = Assert.Single(AllocatorReport.CreateAll(), r => r.Name == "report of the disposed");
        AllocatorRegistry.Unregister(pool);
        Assert.True(report.IsDisposed);
        Assert.Equal((1, 0, 0), (report.Statistics.LeakedBlocks, report.Groups.Count, report.Owners.Count));
    }

    private static string Json(AllocatorReport report)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            report.WriteJson(writer);
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
