using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// Reads traces from bytes nobody vouches for. Total: any bytes give a trace or a <see cref="TraceFormatException"/>.
/// </summary>
/// <remarks>
/// Memory follows what has arrived, not what the header promises: the record array doubles as it fills, up to the number the header states, and the
/// table of ids is made only when all records are there, with at most one entry a record. A gzip bomb therefore costs what its header admits to at most, and that is
/// refused above the caller's limit before the first record.
/// </remarks>
internal static class TraceReader
{
    private const int FirstRecords = 1 << 14;

    /// <summary>What is read between two looks at whether to stop: some milliseconds, also when it is unpacked.</summary>
    private const int PieceBytes = 4 << 20;

    internal static AllocationTrace Read(Stream stream, int maxRecords, CancellationToken cancellation)
    {
        byte[] start = new byte[2];
        int known = stream.ReadAtLeast(start, 2, throwOnEndOfStream: false);
        bool isPacked = known == 2 && start[0] == 0x1F && start[1] == 0x8B;
        using var whole = new PrefixedStream(start.AsMemory(0, known), stream, marksEnd: isPacked);
        if (!isPacked)
        {
            return ReadPlain(whole, maxRecords, cancellation, out _);
        }

        using var unpacked = new GZipStream(whole, CompressionMode.Decompress, leaveOpen: true);
        long position = 0;
        try
        {
            AllocationTrace trace = ReadPlain(unpacked, maxRecords, cancellation, out position);
            return whole.WasReadToMark ? trace
                : throw Broken(TraceFormatError.BadCompression, position, "the end of a gzip stream (RFC 1952), with its checksum and its length", "another end: bytes are missing, or more follow");
        }
        catch (InvalidDataException damage)
        {
            throw new TraceFormatException(TraceFormatError.BadCompression, position, "a gzip stream (RFC 1952) without damage", damage.Message.TrimEnd('.'), innerException: damage);
        }
    }

    private static AllocationTrace ReadPlain(Stream stream, int maxRecords, CancellationToken cancellation, out long position)
    {
        position = 0;
        Span<byte> bytes = stackalloc byte[TraceHeader.Bytes];
        int length = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        TraceHeader header = ParseHeader(bytes[..length], maxRecords);
        position = TraceHeader.Bytes;
        TraceRecord[] records = ReadRecords(stream, header.RecordCount, cancellation, ref position);
        TraceTally.Verify(records, header, cancellation);
        return new AllocationTrace(records, header);
    }

    private static TraceHeader ParseHeader(ReadOnlySpan<byte> bytes, int maxRecords)
    {
        ReadOnlySpan<byte> magic = bytes[..Math.Min(bytes.Length, TraceHeader.Magic.Length)];
        if (!magic.SequenceEqual(TraceHeader.Magic[..magic.Length]))
        {
            throw Broken(TraceFormatError.BadMagic, 0, "the bytes of 'ALTRACE1'", Convert.ToHexString(magic));
        }

        if (bytes.Length < TraceHeader.Bytes)
        {
            throw Broken(TraceFormatError.TooShort, bytes.Length, $"a header of {TraceHeader.Bytes} bytes", $"{bytes.Length} bytes");
        }

        uint recordSize = UInt32(bytes, TraceHeader.RecordSizeOffset);
        uint threads = UInt32(bytes, TraceHeader.ThreadCountOffset);
        ulong records = UInt64(bytes, TraceHeader.RecordCountOffset);
        uint slots = UInt32(bytes, TraceHeader.SlotCountOffset);
        uint peakObjects = UInt32(bytes, TraceHeader.PeakLiveObjectsOffset);
        ulong peakBytes = UInt64(bytes, TraceHeader.PeakLiveBytesOffset);
        ulong peakRecord = UInt64(bytes, TraceHeader.PeakRecordOffset);
        ulong total = UInt64(bytes, TraceHeader.TotalBytesOffset);
        ulong reserved = UInt64(bytes, TraceHeader.ReservedOffset);
        Require(recordSize == TraceRecord.Bytes, TraceFormatError.BadRecordSize, TraceHeader.RecordSizeOffset, $"{TraceRecord.Bytes}", recordSize);
        Require(threads is >= 1 and <= AllocationTrace.MaxThreads, TraceFormatError.BadThreadCount, TraceHeader.ThreadCountOffset, $"1 to {AllocationTrace.MaxThreads} threads", threads);
        Require(records <= (ulong)maxRecords, TraceFormatError.TooManyRecords, TraceHeader.RecordCountOffset, $"at most {maxRecords:N0} records", records);
        Require(slots <= records, TraceFormatError.BadSlotCount, TraceHeader.SlotCountOffset, $"at most {records:N0} ids for as many records", slots);
        Require(peakObjects <= slots, TraceFormatError.WrongPeakObjects, TraceHeader.PeakLiveObjectsOffset, $"at most {slots:N0} live objects for as many ids", peakObjects);
        Require(peakBytes <= peakObjects * (ulong)uint.MaxValue, TraceFormatError.WrongPeakBytes, TraceHeader.PeakLiveBytesOffset, $"at most {peakObjects * (ulong)uint.MaxValue:N0} bytes in {peakObjects:N0} objects", peakBytes);
        Require(peakRecord < Math.Max(1, records), TraceFormatError.WrongPeakRecord, TraceHeader.PeakRecordOffset, $"a number below {Math.Max(1, records):N0}", peakRecord);
        Require(total <= records * uint.MaxValue, TraceFormatError.WrongTotalBytes, TraceHeader.TotalBytesOffset, $"at most {records * uint.MaxValue:N0} bytes in {records:N0} records", total);
        Require(reserved == 0, TraceFormatError.ReservedNotZero, TraceHeader.ReservedOffset, "0", reserved);
        return new TraceHeader((int)threads, (int)records, (int)slots, (int)peakObjects, (long)peakBytes, (int)peakRecord, (long)total);
    }

    private static TraceRecord[] ReadRecords(Stream stream, int count, CancellationToken cancellation, ref long position)
    {
        var records = new TraceRecord[Math.Min(count, FirstRecords)];
        int filled = 0;
        while (filled < count)
        {
            if (filled == records.Length)
            {
                Array.Resize(ref records, (int)Math.Min(count, 2L * filled));
            }

            Span<byte> room = MemoryMarshal.AsBytes(records.AsSpan(filled));
            while (!room.IsEmpty)
            {
                cancellation.ThrowIfCancellationRequested();
                Span<byte> piece = room[..Math.Min(room.Length, PieceBytes)];
                int read = stream.ReadAtLeast(piece, piece.Length, throwOnEndOfStream: false);
                position += read;
                if (read < piece.Length)
                {
                    throw Broken(TraceFormatError.Truncated, position, $"{count:N0} records, {TraceHeader.Bytes + ((long)count * TraceRecord.Bytes):N0} bytes in all", $"the end after {position:N0} bytes");
                }

                room = room[piece.Length..];
            }

            filled = records.Length;
        }

        if (stream.ReadByte() >= 0)
        {
            throw Broken(TraceFormatError.TrailingData, position, $"the end behind {count:N0} records", "more bytes");
        }

        if (!BitConverter.IsLittleEndian)
        {
            foreach (ref TraceRecord record in records.AsSpan())
            {
                record = record with
                {
                    AlignmentLog2 = BinaryPrimitives.ReverseEndianness(record.AlignmentLog2),
                    Id = BinaryPrimitives.ReverseEndianness(record.Id),
                    Size = BinaryPrimitives.ReverseEndianness(record.Size),
                };
            }
        }

        return records;
    }

    private static uint UInt32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static ulong UInt64(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[offset..]);

    private static void Require(bool holds, TraceFormatError error, long offset, string expected, ulong found)
    {
        if (!holds)
        {
            throw Broken(error, offset, expected, $"{found:N0}");
        }
    }

    private static TraceFormatException Broken(TraceFormatError error, long offset, string expected, string found) => new(error, offset, expected, found);
}
