using System.Buffers.Binary;

namespace DimensionStore;

/// <summary>
/// What the format allows of an LZ4 or Zstandard frame, decided by its first bytes. The libraries take more: frames to skip, frames of their own past versions,
/// windows of gigabytes. Whether a file is sound must not depend on the library that reads it, nor memory on the bytes.
/// </summary>
internal static class FrameHead
{
    /// <summary>Most bytes that a head has.</summary>
    public const int MaxBytes = 18;

    /// <summary>Base-2 logarithm of the largest Zstandard window, the one that RFC 8878 asks every decoder to support.</summary>
    public const int MaxWindowLog = 23;

    private const uint Lz4Magic = 0x184D2204;
    private const uint ZstdMagic = 0xFD2FB528;

    /// <summary>Checks a head.</summary>
    /// <param name="codec">Lz4 or Zstd.</param>
    /// <param name="head">The first <see cref="MaxBytes"/> bytes, or all where there are fewer.</param>
    /// <returns>What was found, or null when it is allowed.</returns>
    public static string? Check(LayerCodec codec, ReadOnlySpan<byte> head)
    {
        if (head.Length <= sizeof(uint))
        {
            return "a stream that ends early";
        }

        bool isLz4 = codec == LayerCodec.Lz4;
        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(head);
        if (magic != (isLz4 ? Lz4Magic : ZstdMagic))
        {
            return $"bytes that begin with {magic:X8}";
        }

        byte flags = head[sizeof(uint)];
        if (isLz4)
        {
            return (flags & 1) != 0 ? "a frame that wants a dictionary" : null;
        }

        return (flags & 3) != 0 ? "a frame that wants a dictionary" : CheckWindow(flags, head[(sizeof(uint) + 1)..]);
    }

    private static string? CheckWindow(byte flags, ReadOnlySpan<byte> rest)
    {
        ulong window;
        if ((flags & 0x20) == 0)
        {
            if (rest.IsEmpty)
            {
                return "a stream that ends early";
            }

            ulong power = 1UL << (10 + (rest[0] >> 3));
            window = power + (power / 8 * (uint)(rest[0] & 7));
        }
        else
        {
            // One segment: the window is the content, whose size stands there in 1, 2, 4 or 8 bytes; in two it is counted from 256 on.
            int bytes = 1 << (flags >> 6);
            if (rest.Length < bytes)
            {
                return "a stream that ends early";
            }

            window = bytes switch
            {
                1 => rest[0],
                2 => BinaryPrimitives.ReadUInt16LittleEndian(rest) + 256u,
                4 => BinaryPrimitives.ReadUInt32LittleEndian(rest),
                _ => BinaryPrimitives.ReadUInt64LittleEndian(rest),
            };
        }

        return window > 1UL << MaxWindowLog ? $"a frame with a window of {window:N0} bytes, more than {1 << MaxWindowLog:N0}" : null;
    }
}
