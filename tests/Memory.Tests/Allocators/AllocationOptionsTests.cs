namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Options that there are none of are refused by every allocator and through every layer, whatever the request looks like otherwise, and change nothing.</summary>
public sealed class AllocationOptionsTests : IDisposable
{
    private readonly string _trace = Path.Combine(Path.GetTempPath(), $"{nameof(AllocationOptionsTests)}-{Guid.NewGuid():N}.altrace");

    public static TheoryData<string> Makers()
    {
        var names = new TheoryData<string>();
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            names.Add(kind.Name);
        }

        foreach (string other in new[] { "cache", "constructed", "reserve", "quota", "full quota", "tracking", "canary", "pages", "latency", "events", "trace" })
        {
            names.Add(other);
        }

        return names;
    }

    public void Dispose() => File.Delete(_trace);

    [Theory]
    [MemberData(nameof(Makers))]
    public void Undefined_options_are_refused_by_name_and_change_nothing(string name)
    {
        using MemoryAllocator allocator = Make(name);
        nuint[] sizes = name is "cache" or "constructed" or "reserve" ? [1, 100] : [1, 100, 5000, 40_000];
        foreach (nuint size in sizes)
        {
            // So that what a thread keeps at hand has one, and once more after all that.
            allocator.Free(allocator.Allocate(size));
            foreach (OwnerId owner in new[] { OwnerId.None, new OwnerId(7) })
            {
                foreach (int options in new[] { 32, 33, 34, 1 << 30, int.MinValue, -1 })
                {
                    Refuse(allocator, size, MemoryAllocator.DefaultAlignment, (AllocationOptions)options, owner);
                    Refuse(allocator, size, 8, (AllocationOptions)options, owner);
                }
            }

            allocator.Free(allocator.Allocate(size));
            if (name != "constructed")
            {
                allocator.Free(allocator.Allocate(size, options: (AllocationOptions)31 & ~AllocationOptions.NoGrow));
            }
        }

        Assert.Empty(allocator.CheckIntegrity().Violations);
    }

    [Fact]
    public void The_other_ways_in_refuse_them_too()
    {
        const AllocationOptions wrong = (AllocationOptions)64;
        using TreeZoneAllocator tree = new();
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 1 << 20 });
        using ZoneAllocator zones = new(new ZoneOptions());
        using DualPoolAllocator dual = new(new DualPoolPlan(700, 40), new DualPoolOptions { TrackAllocations = true });
        using SegregatedAllocator segregated = new();
        using GeneralAllocator general = new();
        dual.Free(dual.AllocateTracked(100));
        Action[] ways =
        [
            () => tree.AllocateAt(100, 7, options: wrong), () => tree.TryAllocateAt(100, 7, out _, options: wrong), () => tree.AllocateMovable(100, options: wrong),
            () => buddy.AllocatePages(0, options: wrong), () => buddy.AllocatePagesOnNode(-1, 0, options: wrong),
            () => zones.AllocateFrom(ZoneType.High, 100, options: wrong), () => zones.AllocatePagesFrom(ZoneType.High, 0, PageMobility.Movable, wrong),
            () => dual.AllocateTracked(100, options: wrong), () => segregated.AllocateCollectable(100, wrong), () => general.AllocateOnNode(100, -1, options: wrong),
            () => general.AllocateMemory(100, wrong), () => general.AllocateGuarded(100, options: wrong),
        ];
        Assert.All(ways, way => Assert.Contains("0x40 is not defined", Assert.Throws<ArgumentOutOfRangeException>(way).Message, StringComparison.Ordinal));
        Assert.All(new MemoryAllocator[] { tree, buddy, zones, dual, segregated, general }, allocator => Assert.Equal(0, allocator.GetStatistics().LiveBlocks));
    }

    [Fact]
    public void Every_defined_option_is_accepted()
    {
        using GeneralAllocator general = new();
        AllocationOptions all = AllocationOptions.None;
        foreach (AllocationOptions option in Enum.GetValues<AllocationOptions>())
        {
            all |= option;
            Assert.True(option.AreDefined());
        }

        Assert.True(all.AreDefined());
        Assert.False((all + 1).AreDefined());
        string message = Assert.Throws<ArgumentOutOfRangeException>(() => general.Allocate(16, options: all + 1)).Message;
        Assert.All(Enum.GetValues<AllocationOptions>()[1..], option => Assert.Contains($"{option} ({(int)option})", message, StringComparison.Ordinal));
    }

    private static void Refuse(MemoryAllocator allocator, nuint size, nuint alignment, AllocationOptions options, OwnerId owner)
    {
        AllocatorStatistics before = allocator.GetStatistics();
        foreach (bool tries in new[] { false, true })
        {
            ArgumentOutOfRangeException refusal = Assert.Throws<ArgumentOutOfRangeException>(
                () => tries ? allocator.TryAllocate(size, out _, alignment, options, owner) ? 1 : 0 : allocator.Allocate(size, alignment, options, owner));
            Assert.Equal(("options", options), (refusal.ParamName, refusal.ActualValue));
            Assert.Contains($"0x{(int)options & ~31:X} is not defined", refusal.Message, StringComparison.Ordinal);
        }

        Assert.Equal(before, allocator.GetStatistics());
    }

    private MemoryAllocator Make(string name) => name switch
    {
        "cache" => new ObjectCache("options", 100),
        "constructed" => new ObjectCache("options", 100, new ObjectCacheOptions { Constructor = _ => { } }),
        "reserve" => new ReservePool(new GeneralAllocator(), 100, 3, new ReserveOptions { OwnsSource = true }),
        "quota" => new OwnerQuotaLayer(new GeneralAllocator()),
        "full quota" => Full(),
        "tracking" => new DiagnosticLayer(new GeneralAllocator(), DiagnosticOptions.Tracking),
        "canary" => new DiagnosticLayer(new GeneralAllocator()),
        "pages" => new DiagnosticLayer(new GeneralAllocator(), DiagnosticOptions.Pages),
        "latency" => new LatencyLayer(new GeneralAllocator(), sampleEvery: 1),
        "events" => new EventLayer(new GeneralAllocator()),
        "trace" => new TraceRecordingLayer(new GeneralAllocator(), _trace),
        _ => AllocatorCatalog.Create(name, new AllocatorSettings { CapacityBytes = 16 << 20 }),
    };

    private static OwnerQuotaLayer Full()
    {
        OwnerQuotaLayer layer = new(new GeneralAllocator());
        layer.Owners.SetLimit(new OwnerId(7), 0);
        return layer;
    }
}
