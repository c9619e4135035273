using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.Compression;
using DimensionStore.Memory;

namespace DimensionStore.Fuzz;

/// <summary>Fuzzes the reader of allocation traces, and replays some of what it takes.</summary>
internal sealed class TraceFuzz
{
    private const int HeaderBytes = 64;
    private const int RecordBytes = 12;
    private const int MaxRecords = 100_000;
    private const int ReplayEvery = 16;

    /// <summary>What reading may allocate beside what the image's own length allows: the error with its texts, the decompressor with its buffers, the first records.</summary>
    private const long FreeBytes = 1 << 20;
    private const long BytesPerByte = 64;

    private static readonly (int Offset, int Size)[] HeaderFields = [(0, 8), (8, 4), (12, 4), (16, 8), (24, 4), (28, 4), (32, 8), (40, 8), (48, 8), (56, 8)];
    private static readonly (int Offset, int Size)[] RecordFields = [(0, 1), (1, 1), (2, 2), (4, 4), (8, 4)];
    private static readonly ulong[] Extremes = [0, 1, 2, 3, 4, 5, 12, 30, 31, 63, 255, 256, 257, 4096, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, 0x7FFFFFFFFFFFFFFF, ulong.MaxValue];

    private readonly byte[][] _seeds = [.. Enumerable.Range(1, 8).Select(Seed)];

    /// <summary>Traces that were taken.</summary>
    public long Accepted { get; private set; }

    /// <summary>Runs inputs until one is answered wrongly, all are done or time is up.</summary>
    /// <returns>What went wrong and the image, or null; and how many were checked.</returns>
    public (string? Failure, byte[]? Image, long Done) Run(ulong seed, long inputs, TimeSpan limit)
    {
        long begin = Stopwatch.GetTimestamp();
        for (long input = 0; input < inputs; input++)
        {
            byte[] image = Make(seed, (ulong)input);
            string? failure = Check(image);
            if (failure is not null)
            {
                return ($"input {input:N0} of seed {seed}: {failure}", image, input + 1);
            }

            if ((input & 255) == 0 && Stopwatch.GetElapsedTime(begin) > limit)
            {
                return (null, null, input + 1);
            }
        }

        return (null, null, inputs);
    }

    /// <summary>Checks one image.</summary>
    /// <returns>Null when the reader did right, else what it did wrong.</returns>
    public string? Check(byte[] image)
    {
        AllocationTrace trace;
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            trace = AllocationTrace.Read(new MemoryStream(image), MaxRecords);
        }
        catch (TraceFormatException)
        {
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            return allocated > FreeBytes + (BytesPerByte * image.Length) ? $"{allocated:N0} bytes allocated for an image of {image.Length:N0}" : null;
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            return $"{error.GetType().Name} where only {nameof(TraceFormatException)} may come: {error}";
        }

        // A replay makes threads and an allocator, which takes a thousand times as long as reading.
        return ++Accepted % ReplayEvery == 1 ? Replay(trace) : null;
    }

    private static string? Replay(AllocationTrace trace)
    {
        using var pool = new PoolAllocator([new(64, 1 << 20), new(4096, 4 << 20)], 4 << 20);
        try
        {
            TraceReplayer.Replay(trace, pool, new TraceReplayOptions { TimedPasses = 0 });
        }
        catch (TraceReplayException refusal) when (refusal.InnerException is AllocationFailedException or LimitExceededException or ArgumentException)
        {
            // Sizes and alignments are the fuzzer's: the allocator need not have them, but nothing may stay behind.
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            return $"the replay gave {error.GetType().Name}: {error}";
        }

        long live = pool.GetStatistics().LiveBlocks;
        return live == 0 ? null : $"{live:N0} blocks are live after the replay";
    }

    private byte[] Make(ulong seed, ulong input)
    {
        var random = new FuzzRandom(seed, input);
        var image = new List<byte>(_seeds[random.Below(_seeds.Length)]);
        int mutations = random.Below(random.Chance(70) ? 3 : 10);
        for (int i = 0; i < mutations && image.Count > 0; i++)
        {
            Mutate(ref random, image);
        }

        byte[] bytes = [.. image];
        if (bytes.Length >= HeaderBytes && random.Chance(50))
        {
            Mend(bytes);
        }

        return random.Chance(15) ? Pack(ref random, bytes) : bytes;
    }

    private static void Mutate(ref FuzzRandom random, List<byte> image)
    {
        int records = Math.Max(0, (image.Count - HeaderBytes) / RecordBytes);
        switch (random.Below(8))
        {
            case 0:
                image[random.Below(image.Count)] ^= (byte)(1 << random.Below(8));
                break;
            case 1:
                image[random.Below(image.Count)] = (byte)random.Next();
                break;
            case 2:
                SetField(ref random, image, 0, HeaderFields);
                break;
            case 3 when records > 0:
                SetField(ref random, image, HeaderBytes + (RecordBytes * random.Below(records)), RecordFields);
                break;
            case 4:
                image.RemoveRange(random.Below(image.Count), 1);
                break;
            case 5 when records > 0:
                image.RemoveRange(HeaderBytes + (RecordBytes * random.Below(records)), RecordBytes);
                break;
            case 6 when records > 0:
                byte[] record = [.. image.GetRange(HeaderBytes + (RecordBytes * random.Below(records)), RecordBytes)];
                image.InsertRange(HeaderBytes + (RecordBytes * random.Below(records)), record);
                break;
            default:
                int kept = random.Below(image.Count + 1);
                image.RemoveRange(kept, image.Count - kept);
                break;
        }
    }

    private static void SetField(ref FuzzRandom random, List<byte> image, int start, (int Offset, int Size)[] fields)
    {
        (int offset, int size) = fields[random.Below(fields.Length)];
        ulong value = random.Chance(50) ? Extremes[random.Below(Extremes.Length)] : (ulong)random.Below(300);
        for (int i = 0; i < size && start + offset + i < image.Count; i++)
        {
            image[start + offset + i] = (byte)(value >> (8 * i));
        }
    }

    /// <summary>Makes the header's figures those of the records, as far as these make sense, so that changed records get past it.</summary>
    private static void Mend(byte[] bytes)
    {
        var live = new Dictionary<uint, uint>();
        int count = (bytes.Length - HeaderBytes) / RecordBytes;
        long current = 0;
        long peak = 0;
        long total = 0;
        int peakRecord = 0;
        int peakObjects = 0;
        uint highest = 0;
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> record = bytes.AsSpan(HeaderBytes + (i * RecordBytes), RecordBytes);
            uint id = BinaryPrimitives.ReadUInt32LittleEndian(record[4..]);
            uint size = BinaryPrimitives.ReadUInt32LittleEndian(record[8..]);
            live.TryGetValue(id, out uint old);
            current -= old;
            if (record[0] == 1)
            {
                live.Remove(id);
            }
            else
            {
                live[id] = size;
                current += size;
                total += Math.Max(0L, (long)size - old);
            }

            highest = Math.Max(highest, id);
            peakObjects = Math.Max(peakObjects, live.Count);
            (peak, peakRecord) = current > peak ? (current, i) : (peak, peakRecord);
        }

        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(16), count);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(24), count == 0 ? 0 : highest + 1);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(28), peakObjects);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), peak);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(40), peakRecord);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(48), total);
    }

    private static byte[] Pack(ref FuzzRandom random, byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        byte[] result = packed.ToArray();
        if (result.Length > 0 && random.Chance(60))
        {
            result[random.Below(result.Length)] ^= (byte)(1 << random.Below(8));
        }

        return result.Length > 0 && random.Chance(30) ? result[..random.Below(result.Length)] : result;
    }

    private static byte[] Seed(int seed)
    {
        var random = new FuzzRandom((ulong)seed, 0);
        var records = new List<TraceRecord>();
        var live = new List<(uint Id, uint Size)>();
        var free = new Stack<uint>();
        uint next = 0;
        byte threads = (byte)(1 + (seed % 3));
        while (records.Count < seed * 10)
        {
            byte thread = (byte)random.Below(threads);
            uint size = (uint)random.Below(seed * 100);
            if (live.Count == 0 || random.Chance(50))
            {
                uint id = free.TryPop(out uint used) ? used : next++;
                bool isAligned = random.Chance(20);
                records.Add(new TraceRecord(isAligned ? TraceOperation.AllocateAligned : random.Chance(20) ? TraceOperation.AllocateZeroed : TraceOperation.Allocate, thread, (ushort)(isAligned ? random.Below(8) : 0), id, size));
                live.Add((id, size));
                continue;
            }

            int picked = random.Below(live.Count);
            (uint object_, uint bytes) = live[picked];
            if (random.Chance(30))
            {
                records.Add(new TraceRecord(TraceOperation.Reallocate, thread, 0, object_, size));
                live[picked] = (object_, size);
                continue;
            }

            records.Add(new TraceRecord(TraceOperation.Free, thread, 0, object_, bytes));
            live.RemoveAt(picked);
            free.Push(object_);
        }

        string path = Path.GetTempFileName();
        try
        {
            AllocationTrace.FromRecords([.. records], threads).Save(path, compress: false);
            return File.ReadAllBytes(path);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
