using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>Resident bytes of a replay beside those of the process, which other tests change too: nothing runs beside it.</summary>
[Collection(nameof(Tests.Native.AloneInTheProcess))]
public sealed class TraceReplayerResidentTests
{
    [Fact]
    public void Resident_bytes_agree_with_what_the_process_has_more()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "reads /proc");
        const int Count = 4000;
        AllocationTrace trace = AllocationTrace.FromRecords([.. Enumerable.Range(0, Count).Select(id => Traces.Allocate((uint)id, 4096))]);
        using PoolAllocator pool = new([new(4096, 64L << 20)], 64L << 20);

        // What other tests have left behind must not go back just now.
        GC.Collect();
        long before = ProcessResidentBytes();
        using var watch = new PeakLayer(pool, Count);
        TraceReplayResult result = TraceReplayer.Replay(trace, watch, new TraceReplayOptions { TimedPasses = 0 });

        // The process may take a little for itself meanwhile; 16 MiB of blocks stand out.
        Assert.InRange(watch.ResidentAtPeak - before, result.PeakResidentBytes!.Value - (4 << 20), result.PeakResidentBytes.Value + (8 << 20));
        Assert.Equal(0, VirtualMemory.ResidentBytes(pool.EnumerateExtents().First().Address, 0));
    }

    private static long ProcessResidentBytes() => long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture) * Environment.SystemPageSize;

    /// <summary>Looks at the process when so many blocks are live.</summary>
    private sealed class PeakLayer(MemoryAllocator inner, int count) : AllocatorLayer(inner)
    {
        private int _live;

        internal long ResidentAtPeak { get; private set; }

        public override void Free(nint address)
        {
            if (_live == 0)
            {
                ResidentAtPeak = ProcessResidentBytes();
                _live = count;
            }

            base.Free(address);
        }
    }
}
