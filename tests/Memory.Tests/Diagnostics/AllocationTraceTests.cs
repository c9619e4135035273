using System.Buffers.Binary;
using System.IO.Compression;
using DimensionStore.Fuzz;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>The format ALTRACE1: reading, writing, and refusing by name.</summary>
public sealed class AllocationTraceTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("traces-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static AllocationTrace Parse(byte[] bytes) => AllocationTrace.Read(new MemoryStream(bytes));

    private static TraceFormatException Refused(byte[] bytes) => Assert.Throws<TraceFormatException>(() => Parse(bytes));

    private static byte[] Changed(byte[] bytes, int offset, ulong value, int size)
    {
        byte[] changed = [.. bytes];
        Span<byte> field = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(field, value);
        field[..size].CopyTo(changed.AsSpan(offset));
        return changed;
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(bytes);
        }

        return packed.ToArray();
    }

    [Fact]
    public void A_header_says_what_the_records_do()
    {
        AllocationTrace trace = Traces.Sample();

        Assert.Equal(6, trace.Count);
        Assert.Equal(2, trace.ThreadCount);
        Assert.Equal(3, trace.SlotCount);
        Assert.Equal(3, trace.PeakLiveObjects);
        Assert.Equal(40 + 100 + 256, trace.PeakLiveBytes);
        Assert.Equal(3, trace.PeakRecord);
        Assert.Equal(24 + 100 + 16 + 256, trace.TotalBytes);
    }

    [Fact]
    public void The_bytes_are_those_of_the_format_page()
    {
        string page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "ALTRACE1.md"));
        byte[] shown = [.. page.Split('\n')
            .Where(line => line.Length > 58 && line[8..10] == "  " && uint.TryParse(line[..8], System.Globalization.NumberStyles.HexNumber, null, out _))
            .SelectMany(line => Convert.FromHexString(line[10..58].Replace(" ", "", StringComparison.Ordinal)))];

        Assert.Equal(Traces.Sample().ToBytes(), shown);
    }

    [Theory]
    [InlineData("plain.altrace", false)]
    [InlineData("packed.altrace.gz", true)]
    public void What_is_written_is_read(string name, bool isPacked)
    {
        string path = Path.Combine(_directory, name);
        Check.QuickThrowOnFailure(Prop.ForAll(ArbMap.Default.ArbFor<int>(), ArbMap.Default.ArbFor<PositiveInt>(), (seed, count) =>
        {
            AllocationTrace trace = Traces.Random(seed, count.Get * 7, threads: 1 + (count.Get % 5));
            trace.Save(path);
            byte[] bytes = File.ReadAllBytes(path);
            Assert.Equal(isPacked, bytes[0] == 0x1F);
            AllocationTrace read = AllocationTrace.Load(path, cancellation: TestContext.Current.CancellationToken);
            Assert.Equal(trace.Records, read.Records);
            Assert.Equal(
                (trace.ThreadCount, trace.SlotCount, trace.PeakLiveObjects, trace.PeakLiveBytes, trace.PeakRecord, trace.TotalBytes),
                (read.ThreadCount, read.SlotCount, read.PeakLiveObjects, read.PeakLiveBytes, read.PeakRecord, read.TotalBytes));
        }));
        Assert.Equal([path], Directory.GetFiles(_directory));
    }

    [Fact]
    public void An_empty_trace_is_a_trace()
    {
        AllocationTrace trace = Parse(AllocationTrace.FromRecords([]).ToBytes());

        Assert.Equal((0, 0, 0L, 0), (trace.Count, trace.SlotCount, trace.PeakLiveBytes, trace.PeakRecord));
    }

    [Fact]
    public void Every_truncation_is_refused()
    {
        byte[] bytes = Traces.Random(7, 60, threads: 3).ToBytes();
        for (int length = 0; length < bytes.Length; length++)
        {
            TraceFormatError error = Refused(bytes[..length]).Error;
            Assert.Equal(length < 64 ? TraceFormatError.TooShort : TraceFormatError.Truncated, error);
        }

        byte[] packed = Gzip(bytes);
        for (int length = 0; length < packed.Length; length++)
        {
            Refused(packed[..length]);
        }

        // Its end alone, with the checksum and the length, which a reader does not need.
        Assert.Equal(TraceFormatError.BadCompression, Refused(packed[..^1]).Error);
        Assert.Equal(TraceFormatError.BadCompression, Refused(packed[..^8]).Error);
    }

    [Fact]
    public void What_follows_a_gzip_stream_is_refused_unless_it_is_another_member()
    {
        byte[] bytes = Traces.Random(7, 60, threads: 3).ToBytes();
        byte[] packed = Gzip(bytes);
        Assert.Equal(TraceFormatError.BadCompression, Refused([.. packed, .. "junk"u8]).Error);
        Assert.Equal(TraceFormatError.BadCompression, Refused([.. packed, .. new byte[100_000]]).Error);
        Assert.Equal(bytes, Parse([.. Gzip(bytes[..100]), .. Gzip(bytes[100..])]).ToBytes());
        Assert.Equal(bytes, Parse([.. packed, .. Gzip([])]).ToBytes());
    }

    [Fact]
    public void Gzip_stream_of_any_number_of_members_ends_with_its_last_one_however_it_arrives()
    {
        byte[] bytes = Traces.Random(7, 60, threads: 3).ToBytes();

        // The library writes nothing where nothing is packed.
        byte[] empty = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        byte[][] streams = [Gzip(bytes), [.. Gzip(bytes[..100]), .. Gzip(bytes[100..])], [.. Gzip(bytes[..64]), .. empty, .. Gzip(bytes[64..]), .. empty]];
        foreach (byte[] packed in streams)
        {
            // In one piece, byte by byte, and so that a piece ends with the members.
            foreach (int piece in (int[])[int.MaxValue, 1, 7, packed.Length])
            {
                Assert.Equal(bytes, ParsePieces(packed, piece).ToBytes());
                for (int junk = 0; junk < 256; junk++)
                {
                    Assert.Throws<TraceFormatException>(() => ParsePieces([.. packed, (byte)junk], piece));
                }

                // What looks like the start of a member, or like the end of one.
                Assert.Throws<TraceFormatException>(() => ParsePieces([.. packed, .. "junk"u8, .. packed[^8..]], piece));
                Assert.Throws<TraceFormatException>(() => ParsePieces([.. packed, .. packed[^4..]], piece));
                Assert.Throws<TraceFormatException>(() => ParsePieces([.. packed, .. new byte[64]], piece));
                for (int length = 1; length < empty.Length; length++)
                {
                    Assert.Throws<TraceFormatException>(() => ParsePieces([.. packed, .. empty[..length]], piece));
                }
            }
        }

        // A member of which the length is missing, where the one before says what a look at the last bytes would expect.
        byte[] cut = [.. Gzip(bytes), .. empty[..^4]];
        Assert.Throws<TraceFormatException>(() => Parse(cut));
        Assert.Throws<TraceFormatException>(() => Parse([.. Gzip(bytes[..100]), .. Gzip(bytes[100..])[..^1]]));
    }

    private static AllocationTrace ParsePieces(byte[] bytes, int piece)
    {
        using var stream = new Pieces(bytes, piece);
        return AllocationTrace.Read(stream);
    }

    /// <summary>A stream that gives at most so many bytes at a time, as a pipe does.</summary>
    private sealed class Pieces(byte[] bytes, int piece) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, piece)]);

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, piece));
    }

    [Fact]
    public void Every_bit_flip_gives_a_trace_or_a_named_error()
    {
        byte[] bytes = Traces.Random(11, 60, threads: 3).ToBytes();
        int refused = 0;
        for (int bit = 0; bit < bytes.Length * 8; bit++)
        {
            byte[] changed = [.. bytes];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            refused += Accept(changed) ? 0 : 1;
        }

        // Some flips make another sound trace, such as another thread or another size of an object that is never freed; most do not.
        Assert.InRange(refused, bytes.Length * 8 / 2, (bytes.Length * 8) - 1);
        byte[] packed = Gzip(bytes);
        for (int bit = 0; bit < packed.Length * 8; bit++)
        {
            byte[] changed = [.. packed];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));
            Accept(changed);
        }
    }

    [Fact]
    public void Any_bytes_give_a_trace_or_a_named_error()
    {
        Check.QuickThrowOnFailure(Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
        {
            Accept(bytes);
            Accept([0x1F, 0x8B, .. bytes]);
            Accept([.. "ALTRACE1"u8, .. bytes]);
        }));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void The_reader_stands_a_short_run_of_the_fuzzer(int seed)
    {
        var fuzz = new TraceFuzz();
        Assert.Equal((null, null, 3000L), fuzz.Run((ulong)seed, 3000, TimeSpan.MaxValue));
        Assert.InRange(fuzz.Accepted, 100, 2900);
    }

    [Theory]
    [InlineData(0, 0x41, 1, null)]
    [InlineData(0, 0x42, 1, TraceFormatError.BadMagic)]
    [InlineData(8, 16, 4, TraceFormatError.BadRecordSize)]
    [InlineData(12, 0, 4, TraceFormatError.BadThreadCount)]
    [InlineData(12, 257, 4, TraceFormatError.BadThreadCount)]
    [InlineData(12, 256, 4, null)]
    [InlineData(12, 1, 4, TraceFormatError.BadThread)]
    [InlineData(16, ulong.MaxValue, 8, TraceFormatError.TooManyRecords)]
    [InlineData(16, 7, 8, TraceFormatError.Truncated)]
    [InlineData(16, 5, 8, TraceFormatError.TrailingData)]
    [InlineData(24, 7, 4, TraceFormatError.BadSlotCount)]
    [InlineData(24, uint.MaxValue, 4, TraceFormatError.BadSlotCount)]
    [InlineData(24, 6, 4, null)]
    [InlineData(28, 2, 4, TraceFormatError.WrongPeakObjects)]
    [InlineData(28, 4, 4, TraceFormatError.WrongPeakObjects)]
    [InlineData(32, 395, 8, TraceFormatError.WrongPeakBytes)]
    [InlineData(32, ulong.MaxValue, 8, TraceFormatError.WrongPeakBytes)]
    [InlineData(40, 4, 8, TraceFormatError.WrongPeakRecord)]
    [InlineData(40, 6, 8, TraceFormatError.WrongPeakRecord)]
    [InlineData(48, 397, 8, TraceFormatError.WrongTotalBytes)]
    [InlineData(48, ulong.MaxValue, 8, TraceFormatError.WrongTotalBytes)]
    [InlineData(56, 1, 8, TraceFormatError.ReservedNotZero)]
    [InlineData(64, 5, 1, TraceFormatError.UnknownOperation)]
    [InlineData(65, 2, 1, TraceFormatError.BadThread)]
    [InlineData(66, 1, 2, TraceFormatError.BadAlignment)]
    [InlineData(102, 31, 2, TraceFormatError.BadAlignment)]
    [InlineData(102, 30, 2, null)]
    [InlineData(68, 3, 4, TraceFormatError.BadId)]
    [InlineData(80, 0, 4, TraceFormatError.IdInUse)]
    [InlineData(92, 2, 4, TraceFormatError.IdNotInUse)]
    [InlineData(128, 1, 4, TraceFormatError.IdNotInUse)]
    [InlineData(132, 41, 4, TraceFormatError.WrongSize)]
    public void A_wrong_field_is_refused_by_name_and_offset(int offset, ulong value, int size, TraceFormatError? expected)
    {
        byte[] bytes = Changed(Traces.Sample().ToBytes(), offset, value, size);
        if (expected is null)
        {
            Assert.Equal(6, Parse(bytes).Count);
            return;
        }

        TraceFormatException refusal = Refused(bytes);
        Assert.Equal(expected, refusal.Error);
        Assert.NotEmpty(refusal.Expected);
        Assert.NotEmpty(refusal.Found);
        TraceFormatException packed = Refused(Gzip(bytes));
        Assert.Equal((refusal.Error, refusal.Offset), (packed.Error, packed.Offset));
        if (expected is not (TraceFormatError.Truncated or TraceFormatError.TrailingData or TraceFormatError.BadThread))
        {
            Assert.Equal(offset, refusal.Offset);
        }
    }

    [Fact]
    public void A_number_of_records_above_the_limit_is_refused_before_any_is_read()
    {
        byte[] bytes = Traces.Sample().ToBytes();

        Assert.Equal(6, AllocationTrace.Read(new MemoryStream(bytes), maxRecords: 6, TestContext.Current.CancellationToken).Count);
        Assert.Equal(TraceFormatError.TooManyRecords, Assert.Throws<TraceFormatException>(() => AllocationTrace.Read(new MemoryStream(bytes), maxRecords: 5, TestContext.Current.CancellationToken)).Error);
    }

    [Fact]
    public void What_a_header_promises_costs_nothing_before_it_arrives()
    {
        // A hundred million records are promised, 1.2 GB; there are none.
        byte[] bytes = Changed(Changed(Traces.Sample().ToBytes(), 16, 100_000_000, 8), 24, 100_000_000, 4);
        Assert.Equal(TraceFormatError.Truncated, Refused(bytes).Error);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refused(bytes);
        Refused(Gzip(bytes));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 4_000_000);
    }

    [Fact]
    public void The_file_is_named_and_a_missing_one_is_no_format_error()
    {
        string path = Path.Combine(_directory, "x.altrace.gz");
        File.WriteAllBytes(path, [1, 2, 3]);

        TraceFormatException refusal = Assert.Throws<TraceFormatException>(() => AllocationTrace.Load(path, cancellation: TestContext.Current.CancellationToken));
        Assert.Equal((TraceFormatError.BadMagic, path), (refusal.Error, refusal.FilePath));
        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("is a directory", Assert.Throws<IOException>(() => AllocationTrace.Load(_directory, cancellation: TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => AllocationTrace.Load(Path.Combine(_directory, "missing"), cancellation: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_writer_refuses_what_a_reader_would_and_goes_on()
    {
        string path = Path.Combine(_directory, "w.altrace");
        using (var writer = new AllocationTraceWriter(path))
        {
            writer.Write(Traces.Allocate(0, 10));
            Assert.Equal(TraceFormatError.IdInUse, Assert.Throws<TraceFormatException>(() => writer.Write(Traces.Allocate(0, 10))).Error);
            Assert.Equal(TraceFormatError.IdNotInUse, Assert.Throws<TraceFormatException>(() => writer.Write(Traces.Free(1, 10))).Error);
            Assert.Equal(TraceFormatError.BadId, Assert.Throws<TraceFormatException>(() => writer.Write(Traces.Allocate(9, 10))).Error);
            writer.Write(Traces.Free(0, 10, thread: 4));
            writer.Complete();
            Assert.Throws<InvalidOperationException>(() => writer.Write(Traces.Allocate(0, 1)));
        }

        AllocationTrace trace = AllocationTrace.Load(path, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal((2, 5, 10L), (trace.Count, trace.ThreadCount, trace.PeakLiveBytes));
    }

    [Fact]
    public void A_writer_that_is_not_completed_leaves_what_was_there()
    {
        string path = Path.Combine(_directory, "kept");
        File.WriteAllText(path, "kept");
        using (var writer = new AllocationTraceWriter(path))
        {
            writer.Write(Traces.Allocate(0, 10));
        }

        Assert.Equal("kept", File.ReadAllText(path));
        Assert.Single(Directory.GetFiles(_directory));
    }

    /// <returns>Whether it is a trace. Anything but a trace or the typed error fails the test.</returns>
    private static bool Accept(byte[] bytes)
    {
        try
        {
            _ = Parse(bytes);
            return true;
        }
        catch (TraceFormatException)
        {
            return false;
        }
    }
}
