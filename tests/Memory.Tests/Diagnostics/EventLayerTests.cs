using System.Diagnostics.Tracing;
using DimensionStore.Memory.Tests.Allocators;

namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>The layer keeps the contract of what is beneath it.</summary>
public sealed class EventLayerModelTests : AllocatorModelTests
{
    protected override Func<MemoryAllocator> Create { get; } = () =>
        new EventLayer(new PoolAllocator([new PoolConfig(128, 128 << 10), new PoolConfig(16 << 10, 512 << 10)], limitBytes: 600 << 10));
}

public sealed class EventLayerTests
{
    [Fact]
    public void Everything_that_happens_is_told_once()
    {
        MemoryBudget budget = new("events", 64 << 10);
        using Listener listener = new(EventLevel.Verbose, EventKeywords.All);
        EventLayer layer = new(new Named(new PoolAllocator([new PoolConfig(4096, 64 << 10)], 64 << 10, budget), listener.Allocator), budget);

        nint block = layer.Allocate(100, owner: new OwnerId(7));
        layer.Free(block);
        Assert.Throws<MemoryFaultException>(() => layer.Free(block));
        Assert.Throws<MemoryFaultException>(() => layer.FreeSized(1, 1));
        Assert.Throws<AllocationFailedException>(() => layer.Allocate(5000));
        Assert.False(layer.TryAllocate(5000, out _, owner: new OwnerId(9)));
        Assert.True(layer.TryAllocate(200, out nint second));
        layer.FreeSized(second, 200);
        layer.Allocate(300);
        layer.Reset();
        layer.Trim();
        layer.Allocate(400);
        layer.Dispose();
        layer.Dispose();

        Assert.Equal(
            ["PressureChanged Normal Critical 100", $"Allocated {block} 4096 7", $"Freed {block} 4096 7", $"FaultFound DoubleFree {block} 7", "FaultFound ForeignFree 1 0",
             "AllocationFailed 5000 4096 0", "AllocationFailed 5000 65536 9", $"Allocated {second} 4096 0", $"Freed {second} 4096 0", $"Allocated {block} 4096 0",
             "Emptied 1 4096", "PressureChanged Critical Normal 0", "Trimmed 65536", "PressureChanged Normal Critical 100", $"Allocated {block} 4096 0", "Leaked 1 4096"],
            listener.Seen);
    }

    [Fact]
    public void Events_bear_the_name_that_the_layer_was_given()
    {
        using Listener listener = new(EventLevel.Verbose, EventKeywords.All);
        using EventLayer layer = new(new PoolAllocator([new PoolConfig(4096, 64 << 10)], 64 << 10), name: listener.Allocator);
        nint block = layer.Allocate(100);
        Assert.Throws<MemoryFaultException>(() => layer.FreeSized(1, 1));

        Assert.Equal(listener.Allocator, layer.Name);
        Assert.Equal([$"Allocated {block} 4096 0", "FaultFound ForeignFree 1 0"], listener.Seen);
    }

    [Fact]
    public void A_reallocation_is_told_as_a_free_and_an_allocation_of_the_same_owner()
    {
        using Listener listener = new(EventLevel.Verbose, EventKeywords.All);
        using EventLayer layer = new(new Named(new PoolAllocator([new PoolConfig(4096, 64 << 10), new PoolConfig(16384, 64 << 10)], 1 << 20), listener.Allocator));
        nint block = layer.Allocate(100, owner: new OwnerId(7));
        nint moved = layer.Reallocate(block, 5000);
        Assert.Throws<AllocationFailedException>(() => layer.Reallocate(moved, 20_000));
        Assert.Throws<ArgumentOutOfRangeException>(() => layer.Reallocate(moved, 0));
        Assert.Throws<MemoryFaultException>(() => layer.Reallocate(block, 5000));
        layer.Free(moved);

        Assert.Equal(
            [$"Allocated {block} 4096 7", $"Freed {block} 4096 7", $"Allocated {moved} 16384 7", "AllocationFailed 20000 16384 7", $"FaultFound DoubleFree {block} 7", $"Freed {moved} 16384 7"],
            listener.Seen);
    }

    [Fact]
    public void The_owner_of_a_freed_block_is_the_one_it_was_handed_out_to()
    {
        using Listener listener = new(EventLevel.Verbose, ToolkitEventSource.Keywords.Blocks);
        PoolAllocator pool = new([new PoolConfig(4096, 64 << 10)], 64 << 10);
        using EventLayer layer = new(new Named(pool, listener.Allocator));

        nint first = layer.Allocate(100, owner: new OwnerId(7));
        Assert.Throws<MemoryFaultException>(() => layer.FreeSized(first, 5000));
        layer.FreeSized(first, 100);
        nint second = layer.Allocate(100, owner: new OwnerId(8));
        pool.Free(second);
        nint third = layer.Allocate(100);
        layer.Free(third);

        Assert.Equal(first, second);
        Assert.Equal(first, third);
        Assert.Equal(
            [$"Allocated {first} 4096 7", $"Freed {first} 4096 7", $"Allocated {first} 4096 8", $"Allocated {first} 4096 0", $"Freed {first} 4096 0"],
            listener.Seen);
    }

    [Fact]
    public void Owners_are_right_when_several_threads_allocate_and_free()
    {
        using Listener listener = new(EventLevel.Verbose, ToolkitEventSource.Keywords.Blocks);
        using EventLayer layer = new(new Named(new PoolAllocator([new PoolConfig(128, 128 << 10), new PoolConfig(256, 128 << 10), new PoolConfig(512, 128 << 10)], 384 << 10), listener.Allocator));
        ThreadGroup.Run(3, thread =>
        {
            // Each thread has a size and an owner of its own, so that one tells the other.
            nuint size = (nuint)128 << thread;
            for (int i = 0; i < 500; i++)
            {
                layer.FreeSized(layer.Allocate(size, owner: new OwnerId(128 << thread)), size);
            }
        });

        string[] freed = [.. listener.Seen.Where(line => line.StartsWith("Freed", StringComparison.Ordinal))];
        Assert.Equal(1500, freed.Length);
        Assert.All(freed, line => Assert.Equal(line.Split(' ')[2], line.Split(' ')[3]));
    }

    [Fact]
    public void What_was_told_as_allocated_less_what_was_told_as_freed_is_what_is_live()
    {
        using Listener listener = new(EventLevel.Verbose, ToolkitEventSource.Keywords.Blocks);
        using EventLayer layer = new(new Named(new SlabAllocator(8 << 20), listener.Allocator));
        Random random = new(5);
        List<(nint Address, nuint Size)> live = [];
        for (int step = 0; step < 500; step++)
        {
            nuint size = (nuint)random.Next(1, 3_000);
            int one = random.Next(Math.Max(1, live.Count));
            switch (random.Next(live.Count == 0 ? 1 : 4))
            {
                case 1:
                    layer.Free(live[one].Address);
                    live.RemoveAt(one);
                    break;
                case 2:
                    layer.FreeSized(live[one].Address, live[one].Size);
                    live.RemoveAt(one);
                    break;
                case 3:
                    live[one] = (layer.Reallocate(live[one].Address, size), size);
                    break;
                default:
                    live.Add((layer.Allocate(size), size));
                    break;
            }
        }

        Assert.Equal(layer.GetStatistics().LiveBytes, Sum("Allocated") - Sum("Freed"));

        long Sum(string kind) => listener.Seen.Where(line => line.StartsWith(kind, StringComparison.Ordinal)).Sum(line => long.Parse(line.Split(' ')[2], System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void A_block_that_moves_is_told_as_that_of_the_owner_given()
    {
        using Listener listener = new(EventLevel.Verbose, ToolkitEventSource.Keywords.Blocks);
        using EventLayer layer = new(new Named(new PoolAllocator([new PoolConfig(128, 64 << 10), new PoolConfig(16384, 64 << 10)], 1 << 20), listener.Allocator));
        nint block = layer.Allocate(100, owner: new OwnerId(5));
        Assert.Equal(block, layer.Reallocate(block, 110, new OwnerId(9)));
        nint moved = layer.Reallocate(block, 5_000, new OwnerId(9));
        layer.Free(moved);
        Assert.Equal(
            [$"Allocated {block} 128 5", $"Freed {block} 128 5", $"Allocated {block} 128 5", $"Freed {block} 128 5", $"Allocated {moved} 16384 9", $"Freed {moved} 16384 9"],
            listener.Seen);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Q")]
    [InlineData("DQ")]
    [InlineData("QD")]
    public void A_block_that_moves_is_told_as_that_of_the_owner_who_keeps_it(string layers)
    {
        using Listener listener = new(EventLevel.Verbose, ToolkitEventSource.Keywords.Blocks);
        MemoryAllocator core = layers.Length == 0 ? SegregatedAllocator.WithCapacity(1 << 20) : new PoolAllocator([new PoolConfig(128, 64 << 10), new PoolConfig(16384, 128 << 10)], 1 << 20);
        LayerStack stack = new(layers, core, new OwnerLedger());
        using EventLayer layer = new(stack.Top, name: listener.Allocator);
        nint block = layer.Allocate(50, owner: new OwnerId(5));
        layer.Allocate(50);
        nint nobodys = layer.Allocate(50);
        layer.Allocate(50);
        nint moved = layer.Reallocate(block, 5_000, new OwnerId(9));
        nint given = layer.Reallocate(nobodys, 5_000, new OwnerId(9));
        layer.Free(moved);
        layer.Free(given);
        Assert.NotEqual(block, moved);
        Assert.NotEqual(nobodys, given);
        Assert.Equal(
            ["Allocated 5", "Allocated 0", "Allocated 0", "Allocated 0", "Freed 5", "Allocated 5", "Freed 0", "Allocated 9", "Freed 5", "Freed 9"],
            listener.Seen.Select(line => $"{line.Split(' ')[0]} {line.Split(' ')[3]}"));
    }

    [Fact]
    public void What_a_layer_beneath_finds_without_a_call_to_tell_is_told()
    {
        using Listener listener = new(EventLevel.Verbose, ToolkitEventSource.Keywords.Failures);
        EventLayer layer = new(new DiagnosticLayer(new Named(new PoolAllocator([new PoolConfig(4096, 64 << 10)], 64 << 10), listener.Allocator)));
        nint block = layer.Allocate(100, owner: new OwnerId(7));
        layer.Dispose();

        Assert.Equal([$"FaultFound Leak {block} 7", "Leaked 1 100"], listener.Seen);
    }

    [Fact]
    public unsafe void A_diagnosis_tells_its_observer_every_fault_once()
    {
        Faults faults = new();
        DiagnosticLayer layer = new(new PoolAllocator([new PoolConfig(4096, 64 << 10)], 64 << 10), new DiagnosticOptions { Observer = faults });
        nint block = layer.Allocate(100);
        layer.Free(block);
        Assert.Throws<MemoryFaultException>(() => layer.Free(block));
        Assert.Throws<MemoryFaultException>(() => layer.UsableSize(block));
        ((byte*)block)[3] = 1;
        nint leaked = layer.Allocate(10, owner: new OwnerId(2));
        layer.Dispose();

        Assert.Equal([(MemoryFault.DoubleFree, block), (MemoryFault.DoubleFree, block), (MemoryFault.UseAfterFree, block), (MemoryFault.Leak, leaked)], faults.Seen);
        Assert.Equal(2, layer.FindingCount);
    }

    [Fact]
    public void Single_blocks_are_not_told_to_whom_asks_for_failures_only()
    {
        using Listener listener = new(EventLevel.Verbose, ToolkitEventSource.Keywords.Failures);
        using EventLayer layer = new(new Named(new PoolAllocator([new PoolConfig(4096, 64 << 10)], 64 << 10), listener.Allocator));
        layer.Free(layer.Allocate(100));
        layer.Trim();
        Assert.False(layer.TryAllocate(5000, out _));
        Assert.Equal(["AllocationFailed 5000 65536 0"], listener.Seen);
    }

    [Fact]
    public void Collections_are_told_whoever_starts_them()
    {
        const int Capacity = 1 << 20;
        using Listener listener = new(EventLevel.Verbose, ToolkitEventSource.Keywords.Maintenance);
        SegregatedAllocator heap = SegregatedAllocator.WithCapacity(Capacity);

        // Another layer between the two, which passes on what it is not interested in.
        using EventLayer layer = new(new LatencyLayer(heap), name: listener.Allocator);
        OwnerId gone = new(1);
        layer.Allocate(Capacity / 2, owner: gone);
        heap.EndOwner(gone);
        nint most = layer.Allocate(Capacity * 46 / 100);
        layer.Free(most);
        layer.Allocate(Capacity / 2, owner: new OwnerId(2));
        heap.EndOwner(new OwnerId(2));
        layer.Allocate(Capacity * 3 / 4);
        heap.Collect();
        new GlobalCollector(heap).Collect(CollectionStrategy.Unreferenced);

        string[] collected = [.. listener.Seen.Where(line => line.StartsWith("Collected", StringComparison.Ordinal)).Select(line => line[..line.LastIndexOf(' ')])];
        Assert.Equal(4, collected.Length);
        Assert.StartsWith("Collected 1 ", collected[0], StringComparison.Ordinal);
        Assert.InRange(long.Parse(collected[0].Split(' ')[2], System.Globalization.CultureInfo.InvariantCulture), Capacity / 2, Capacity);
        Assert.StartsWith("Collected 2 ", collected[1], StringComparison.Ordinal);
        Assert.StartsWith("Collected 0 ", collected[2], StringComparison.Ordinal);
        Assert.Equal("Collected 0 0", collected[3]);
    }

    [Fact]
    public void A_trim_that_gives_nothing_back_is_not_told()
    {
        using Listener listener = new(EventLevel.Verbose, ToolkitEventSource.Keywords.Maintenance);
        using EventLayer layer = new(new SlabAllocator(1 << 20), name: listener.Allocator);
        Assert.Equal(0, layer.Trim());
        layer.Free(layer.Allocate(100));
        long bytes = layer.Trim();
        Assert.True(bytes > 0);
        Assert.Equal(0, layer.Trim());
        Assert.Equal([$"Trimmed {bytes}"], listener.Seen);
    }

    [Fact]
    public void The_observer_passes_collections_and_failures_on()
    {
        using Listener listener = new(EventLevel.Verbose, EventKeywords.All);
        using Named named = new(new PoolAllocator(PoolConfig.Default, 1 << 20), listener.Allocator);
        IAllocatorObserver observer = ToolkitEventSource.Observer;
        observer.OnAllocated(named, 16, 100, new OwnerId(3));
        observer.OnFreed(named, 16, 128, new OwnerId(3));
        observer.OnCollected(named, 5, 640, TimeSpan.FromMicroseconds(12));
        observer.OnAllocationFailed(named, 10, 5, new OwnerId(3));
        observer.OnPressureChanged(named, PressureLevel.Normal, PressureLevel.Eviction, 81.5);
        observer.OnFault(named, new MemoryFaultException(named.Name, MemoryFault.DoubleFree, 16, 100, new OwnerId(3), "twice"));
        Assert.Equal(
            ["Allocated 16 100 3", "Freed 16 128 3", "Collected 5 640 12", "AllocationFailed 10 5 3", "PressureChanged Normal Eviction 81.5", "FaultFound DoubleFree 16 3"],
            listener.Seen);
    }

    [Fact]
    public void The_description_of_the_provider_is_valid()
        => Assert.NotNull(EventSource.GenerateManifest(typeof(ToolkitEventSource), "x", EventManifestOptions.Strict));

    /// <summary>Other tests raise events at the same time; a name of its own tells this test's from theirs.</summary>
    private sealed class Named(MemoryAllocator inner, string name) : AllocatorLayer(inner)
    {
        public override string Name => name;
    }

    private sealed class Faults : IAllocatorObserver
    {
        internal List<(MemoryFault Fault, nint Address)> Seen { get; } = [];

        public void OnFault(MemoryAllocator allocator, MemoryFaultException fault) => Seen.Add((fault.Fault, fault.Address));
    }

    private sealed class Listener : EventListener
    {
        private readonly List<string> _seen = [];
        private readonly EventLevel _level;
        private readonly EventKeywords _keywords;

        internal Listener(EventLevel level, EventKeywords keywords)
        {
            Allocator = $"{nameof(EventLayerTests)} {Guid.NewGuid()}";
            _level = level;
            _keywords = keywords;
            EnableEvents(ToolkitEventSource.Log, level, keywords);
        }

        internal string Allocator { get; }

        internal IReadOnlyList<string> Seen => _seen;

        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            // Another listener may have asked for more than this one.
            if (eventData.EventSource == ToolkitEventSource.Log && Equals(eventData.Payload![0], Allocator)
                && eventData.Level <= _level && (eventData.Keywords & _keywords & (EventKeywords)0xFF) != 0)
            {
                lock (_seen)
                {
                    _seen.Add(eventData.EventName + string.Concat(eventData.Payload.Skip(1).Take(3).Select(value => FormattableString.Invariant($" {value}"))));
                }
            }
        }
    }
}
