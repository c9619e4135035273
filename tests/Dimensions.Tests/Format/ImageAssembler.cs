using System.Buffers.Binary;
using System.IO.Compression;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using DimensionStore.Memory.Native;

namespace DimensionStore.Tests.Format;

/// <summary>
/// Puts a dimension file together from the words of <c>formats/JESSY_MMAP_V1.md</c>, as plainly as it can be written down: everything in memory, no code of the library
/// but its folding and, for codecs 3 and 4, the way to the system's libraries. The second implementation that writer and reader are held against, and the source of images that a correct writer would never make.
/// </summary>
internal sealed class ImageAssembler
{
    private readonly List<Layer> _layers = [];
    private readonly List<(string Keyword, int Layer, uint Offset, uint Length)> _postings = [];

    public uint Id { get; init; } = 1;

    public string Name { get; init; } = "Emotion";

    public bool Plain { get; init; }

    public bool Sealed { get; init; }

    public bool HasIndex { get; init; } = true;

    public uint EntryCount { get; private set; }

    public Layer AddLayer(int number, byte? depth = null, float frequency = 0, int codec = 0, string[]? keywords = null)
    {
        var layer = new Layer { Number = (ushort)number, Depth = depth ?? (byte)number, Frequency = frequency, Codec = (byte)codec };
        if (keywords is not null)
        {
            layer.Keywords.AddRange(keywords.Select(Encoding.UTF8.GetBytes));
            layer.KeywordsGiven = true;
        }

        _layers.Add(layer);
        return layer;
    }

    public ImageAssembler AddEntry(int number, string content, params string[] keywords)
    {
        Layer layer = _layers.Find(l => l.Number == number) ?? AddLayer(number);
        byte[] bytes = Encoding.UTF8.GetBytes(content);
        foreach (string keyword in keywords)
        {
            _postings.Add((keyword, number, (uint)layer.Content.Length, (uint)bytes.Length));
            if (!layer.KeywordsGiven && layer.Seen.Add(Convert.ToHexString(Fold(keyword))))
            {
                layer.Keywords.Add(Encoding.UTF8.GetBytes(keyword));
            }
        }

        layer.Content.Write(bytes);
        EntryCount++;
        return this;
    }

    public byte[] Build()
    {
        Layer[] layers = [.. _layers.OrderBy(l => l.Number)];
        foreach (Layer layer in layers)
        {
            layer.Stored = Compress(layer.Content.ToArray(), layer.Codec);
        }

        int metadataLength = layers.Sum(l => 2 + 1 + 4 + 4 + l.Keywords.Sum(k => 4 + k.Length) + 8 + 4);
        long position = 256 + metadataLength;
        foreach (Layer layer in layers)
        {
            position = (position + 63) / 64 * 64;
            layer.Offset = position;
            position += layer.Stored.Length;
        }

        byte[] index = [];
        long indexOffset = 0;
        if (HasIndex && !Plain)
        {
            index = BuildIndex();
            indexOffset = (position + 63) / 64 * 64;
            position = indexOffset + index.Length;
        }

        var image = new byte[position];
        WriteHeader(image, layers.Length);
        int at = 256;
        foreach (Layer layer in layers)
        {
            at = WriteLayer(image, at, layer);
            layer.Stored.CopyTo(image, layer.Offset);
        }

        if (!Plain)
        {
            index.CopyTo(image, indexOffset);
            WriteExtension(image, layers, metadataLength, indexOffset, index.Length);
            FixChecksums(image);
        }

        return image;
    }

    /// <summary>Computes every checksum and the seal of an extended image anew, as far as its fields can be followed.</summary>
    public static void FixChecksums(Span<byte> image)
    {
        if (image.Length < 256 || !image[100..104].SequenceEqual("DSX1"u8))
        {
            return;
        }

        uint metadataLength = U32(image, 112);
        long at = 256;
        uint layers = Math.Min(U32(image, 80), 4);
        for (int i = 0; i < layers && at + 11 <= image.Length; i++)
        {
            uint keywords = U32(image, (int)at + 7);
            at += 11;
            for (uint k = 0; k < keywords && at + 4 <= image.Length; k++)
            {
                at += 4 + (long)U32(image, (int)at);
            }

            if (at + 12 > image.Length)
            {
                break;
            }

            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(image[(int)at..]);
            uint size = U32(image, (int)at + 8);
            at += 12;
            if (offset <= (ulong)image.Length && size <= (ulong)image.Length - offset)
            {
                BinaryPrimitives.WriteUInt32LittleEndian(image[(136 + (4 * i))..], Crc(image.Slice((int)offset, (int)size)));
            }
        }

        ushort flags = BinaryPrimitives.ReadUInt16LittleEndian(image[106..]);
        ulong indexOffset = BinaryPrimitives.ReadUInt64LittleEndian(image[120..]);
        ulong indexLength = BinaryPrimitives.ReadUInt64LittleEndian(image[128..]);
        if ((flags & 2) != 0 && indexOffset <= (ulong)image.Length && indexLength <= (ulong)image.Length - indexOffset)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(image[116..], Crc(image.Slice((int)indexOffset, (int)indexLength)));
        }

        if ((flags & 1) != 0)
        {
            image[108..112].Clear();
            image[172..204].Clear();
            SHA256.HashData(image, image[172..204]);
        }

        if (metadataLength <= image.Length - 256)
        {
            image[108..112].Clear();
            BinaryPrimitives.WriteUInt32LittleEndian(image[108..], Crc(image[..(256 + (int)metadataLength)]));
        }
    }

    /// <summary>CRC-32C.</summary>
    public static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = 0xFFFFFFFF;
        while (bytes.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }

        foreach (byte b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return crc ^ 0xFFFFFFFF;
    }

    /// <summary>The folded form of a keyword.</summary>
    public static byte[] Fold(string keyword)
    {
        var buffer = new byte[KeywordFolding.MaxFoldedBytes + 8];
        int length = KeywordFolding.Fold(keyword, buffer);
        return length < 0 ? throw new ArgumentException($"'{keyword}' is no keyword.") : buffer[..length];
    }

    private static byte[] Compress(byte[] content, byte codec)
    {
        if (codec == 0)
        {
            return content;
        }

        if (codec > 2)
        {
            using NativeEncoder encoder = LayerCodecs.NewEncoder((LayerCodec)codec, 0, content.Length);
            byte[] frame = new byte[4 * encoder.OutputBytes];
            encoder.Encode(content, frame, out _, out int written, isFinal: false);
            encoder.Encode([], frame.AsSpan(written), out _, out int end, isFinal: true);
            return frame[..(written + end)];
        }

        using var stored = new MemoryStream();
        using (Stream stream = codec == 1 ? new BrotliStream(stored, CompressionLevel.Optimal, true) : new ZLibStream(stored, CompressionLevel.Optimal, true))
        {
            stream.Write(content);
        }

        return stored.ToArray();
    }

    private void WriteHeader(byte[] image, int layerCount)
    {
        byte[] name = Encoding.UTF8.GetBytes(Name);
        Put32(image, 0, Id);
        Put32(image, 4, (uint)name.Length);
        name.CopyTo(image, 8);
        Put64(image, 72, (ulong)image.Length);
        Put32(image, 80, (uint)layerCount);
        "JESSY_MMAP_V1"u8.CopyTo(image.AsSpan(84));
    }

    private static int WriteLayer(byte[] image, int at, Layer layer)
    {
        Put16(image, at, layer.Number);
        image[at + 2] = layer.Depth;
        Put32(image, at + 3, BitConverter.SingleToUInt32Bits(layer.Frequency));
        Put32(image, at + 7, (uint)layer.Keywords.Count);
        at += 11;
        foreach (byte[] keyword in layer.Keywords)
        {
            Put32(image, at, (uint)keyword.Length);
            keyword.CopyTo(image, at + 4);
            at += 4 + keyword.Length;
        }

        Put64(image, at, (ulong)layer.Offset);
        Put32(image, at + 8, (uint)layer.Stored.Length);
        return at + 12;
    }

    private void WriteExtension(byte[] image, Layer[] layers, int metadataLength, long indexOffset, int indexLength)
    {
        "DSX1"u8.CopyTo(image.AsSpan(100));
        Put16(image, 104, 1);
        Put16(image, 106, (ushort)((Sealed ? 1 : 0) | (indexLength > 0 ? 2 : 0)));
        Put32(image, 112, (uint)metadataLength);
        Put64(image, 120, (ulong)indexOffset);
        Put64(image, 128, (ulong)indexLength);
        for (int i = 0; i < layers.Length; i++)
        {
            Put32(image, 152 + (4 * i), (uint)layers[i].Content.Length);
            image[168 + i] = layers[i].Codec;
        }
    }

    private byte[] BuildIndex()
    {
        var keys = new List<Key>();
        foreach (var group in _postings.GroupBy(p => Convert.ToHexString(Fold(p.Keyword)), StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal))
        {
            byte[] folded = Convert.FromHexString(group.Key);
            byte[] display = Encoding.UTF8.GetBytes(group.First().Keyword);
            keys.Add(new Key(
                folded,
                display.AsSpan().SequenceEqual(folded) ? [] : display,
                [.. group.Select(p => (p.Layer, p.Offset, p.Length)).Distinct().OrderBy(p => p.Layer).ThenBy(p => p.Offset).ThenBy(p => p.Length)]));
        }

        var records = new MemoryStream();
        var references = new List<uint>();
        foreach (Key key in keys)
        {
            references.Add((uint)(records.Length / 8) + 1);
            WriteRecord(records, key);
        }

        (byte[] buckets, uint maxProbe) = BuildBuckets(keys, references);
        var section = new MemoryStream();
        var writer = new BinaryWriter(section);
        writer.Write("DSKWIX01"u8);
        writer.Write((uint)keys.Count);
        writer.Write((uint)keys.Sum(k => k.Postings.Length));
        writer.Write((uint)(buckets.Length / 64));
        writer.Write(maxProbe);
        writer.Write(EntryCount);
        writer.Write(0u);
        writer.Write((ulong)records.Length);
        writer.Write(new byte[24]);
        writer.Write(buckets);
        WriteTree(writer, keys, references);
        writer.Write(records.ToArray());
        return section.ToArray();
    }

    private static void WriteRecord(MemoryStream records, Key key)
    {
        var writer = new BinaryWriter(records);
        writer.Write((ushort)key.Folded.Length);
        writer.Write((ushort)key.Display.Length);
        writer.Write((uint)key.Postings.Length);
        foreach ((int layer, uint offset, uint length) in key.Postings)
        {
            writer.Write(offset);
            writer.Write(length);
            writer.Write(layer);
        }

        writer.Write(key.Folded);
        writer.Write(key.Display);
        while (records.Length % 8 != 0)
        {
            writer.Write((byte)0);
        }
    }

    private (byte[] Buckets, uint MaxProbe) BuildBuckets(List<Key> keys, List<uint> references)
    {
        int count = Math.Max(1, (keys.Count + 2) / 3);
        int[] order = [.. Enumerable.Range(0, keys.Count).OrderBy(i => ReferenceHash.Compute(keys[i].Folded)).ThenBy(i => references[i])];

        // What runs over the end of the table goes before the first line's own keys, and only a first try tells which keys these are.
        var wrapped = new List<int>();
        Fill(order, wrapped);
        int[] again = [.. wrapped, .. order.Except(wrapped)];
        return Fill(again, []);

        (byte[] Buckets, uint MaxProbe) Fill(int[] sequence, List<int> over)
        {
            var buckets = new byte[count * 64];
            uint maxProbe = 1;
            foreach (int i in sequence)
            {
                uint hash = ReferenceHash.Compute(keys[i].Folded);
                int home = (int)(((ulong)hash * (ulong)count) >> 32);
                int line = wrapped.Contains(i) && over != wrapped ? count : home;
                while (U32(buckets, (line % count * 64) + 16 + (4 * 5)) != 0)
                {
                    line++;
                }

                if (line >= count && over == wrapped)
                {
                    over.Add(i);
                }

                int start = line % count * 64;
                int slot = 0;
                while (U32(buckets, start + 16 + (4 * slot)) != 0)
                {
                    slot++;
                }

                Put16(buckets, start + (2 * slot), (ushort)hash);
                Put32(buckets, start + 16 + (4 * slot), references[i]);
                Put32(buckets, start + 40 + (4 * slot), Hint(keys[i]));
                maxProbe = Math.Max(maxProbe, (uint)(line - home + 1));
            }

            return (buckets, maxProbe);
        }
    }

    /// <summary>The cache line of the file that the first entry begins in; 0 for a compressed layer.</summary>
    private uint Hint(Key key)
    {
        (int number, uint offset, _) = key.Postings[0];
        Layer? layer = _layers.Find(l => l.Number == number);
        return layer is null || layer.Codec != 0 ? 0 : (uint)((layer.Offset + offset) / 64);
    }

    private void WriteTree(BinaryWriter writer, List<Key> keys, List<uint> references)
    {
        static ulong Head(Key key, int start) => BinaryPrimitives.ReadUInt64BigEndian([.. key.Folded.Skip(start).Concat(new byte[8]).Take(8)]);

        var levels = new List<List<(ulong First, ulong Second)>>();
        List<(ulong First, ulong Second)> level = [.. keys.Select(k => (Head(k, 0), Head(k, 8)))];
        for (; level.Count > 8; level = [.. level.Chunk(8).Select(group => group[^1])])
        {
            levels.Insert(0, level);
        }

        levels.Insert(0, level);
        foreach (List<(ulong First, ulong Second)> heads in levels)
        {
            for (int group = 0; group < heads.Count; group += 8)
            {
                for (int i = group; i < group + 8; i++)
                {
                    writer.Write(i < heads.Count ? heads[i].First : ulong.MaxValue);
                }

                for (int i = group; i < group + 8; i++)
                {
                    writer.Write(i < heads.Count ? heads[i].Second : ulong.MaxValue);
                }

                if (heads == levels[^1])
                {
                    for (int i = group; i < group + 8; i++)
                    {
                        writer.Write(i < keys.Count ? references[i] : 0);
                    }

                    for (int i = group; i < group + 8; i++)
                    {
                        writer.Write(i < keys.Count ? Hint(keys[i]) : 0);
                    }
                }
            }
        }
    }

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    private static void Put16(byte[] image, int offset, ushort value) => BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(offset), value);

    private static void Put32(byte[] image, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(image.AsSpan(offset), value);

    private static void Put64(byte[] image, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(image.AsSpan(offset), value);

    /// <summary>A layer on its way into an image.</summary>
    internal sealed class Layer
    {
        public ushort Number { get; set; }

        public byte Depth { get; set; }

        public float Frequency { get; set; }

        public byte Codec { get; set; }

        public List<byte[]> Keywords { get; } = [];

        public bool KeywordsGiven { get; set; }

        public HashSet<string> Seen { get; } = [];

        public MemoryStream Content { get; } = new();

        public byte[] Stored { get; set; } = [];

        public long Offset { get; set; }
    }

    private sealed record Key(byte[] Folded, byte[] Display, (int Layer, uint Offset, uint Length)[] Postings);
}
