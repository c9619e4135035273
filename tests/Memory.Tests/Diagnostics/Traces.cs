namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>Traces that tests make.</summary>
internal static class Traces
{
    internal static TraceRecord Allocate(uint id, uint size, byte thread = 0) => new(TraceOperation.Allocate, thread, 0, id, size);

    internal static TraceRecord Free(uint id, uint size, byte thread = 0) => new(TraceOperation.Free, thread, 0, id, size);

    internal static TraceRecord Reallocate(uint id, uint size, byte thread = 0) => new(TraceOperation.Reallocate, thread, 0, id, size);

    /// <summary>The trace of <c>formats/ALTRACE1.md</c>: every operation once, two threads, one object live at the end.</summary>
    internal static AllocationTrace Sample() => AllocationTrace.FromRecords(
        [
            Allocate(0, 24),
            new(TraceOperation.AllocateZeroed, 1, 0, 1, 100),
            Reallocate(0, 40),
            new(TraceOperation.AllocateAligned, 0, 6, 2, 256),
            Free(1, 100),
            Free(0, 40, thread: 1),
        ],
        threadCount: 2);

    /// <summary>A trace of random operations, sound by construction.</summary>
    internal static AllocationTrace Random(int seed, int count, int threads = 1, int maxSize = 4000, int maxLive = 300)
    {
        var random = new Random(seed);
        var records = new List<TraceRecord>();
        var live = new List<(uint Id, uint Size)>();
        var free = new Stack<uint>();
        uint next = 0;
        while (records.Count < count)
        {
            byte thread = (byte)random.Next(threads);
            int choice = live.Count == 0 ? 0 : live.Count >= maxLive ? 9 : random.Next(10);
            if (choice < 5)
            {
                uint id = free.TryPop(out uint used) ? used : next++;
                uint size = (uint)random.Next(maxSize);
                TraceOperation operation = choice switch { 3 => TraceOperation.AllocateZeroed, 4 => TraceOperation.AllocateAligned, _ => TraceOperation.Allocate };
                records.Add(new TraceRecord(operation, thread, (ushort)(choice == 4 ? random.Next(12) : 0), id, size));
                live.Add((id, size));
                continue;
            }

            int picked = random.Next(live.Count);
            (uint object_, uint bytes) = live[picked];
            if (choice == 5)
            {
                uint size = (uint)random.Next(maxSize);
                records.Add(Reallocate(object_, size, thread));
                live[picked] = (object_, size);
                continue;
            }

            records.Add(Free(object_, bytes, thread));
            live.RemoveAt(picked);
            free.Push(object_);
        }

        return AllocationTrace.FromRecords([.. records], threads);
    }

    /// <summary>The bytes of a trace as a file holds them.</summary>
    internal static byte[] ToBytes(this AllocationTrace trace, bool compress = false)
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            trace.Save(path, compress);
            return File.ReadAllBytes(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
