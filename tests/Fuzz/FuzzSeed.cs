using System.Buffers.Binary;
using DimensionStore.Tests.Format;

namespace DimensionStore.Fuzz;

/// <summary>A sound image and where its fields are, so that mutations hit what the reader decides by.</summary>
internal sealed class FuzzSeed
{
    private FuzzSeed(byte[] image)
    {
        Image = image;
        DimensionDescriptor descriptor = DimensionDescriptor.Parse(image, image.Length);
        var fields = new List<(int Offset, int Size)>
        {
            (0, 4), (4, 4), (72, 8), (80, 4), (84, 8), (100, 4), (104, 2), (106, 2), (108, 4), (112, 4), (116, 4), (120, 8), (128, 8), (172, 8), (204, 8), (252, 4),
        };
        for (int i = 0; i < 4; i++)
        {
            fields.AddRange([(136 + (4 * i), 4), (152 + (4 * i), 4), (168 + i, 1)]);
        }

        AddMetadata(fields, descriptor);
        if (descriptor.HasIndex)
        {
            AddIndex(fields, (int)descriptor.IndexOffset);
        }

        Fields = [.. fields];
    }

    /// <summary>The image.</summary>
    public byte[] Image { get; }

    /// <summary>Its fields.</summary>
    public (int Offset, int Size)[] Fields { get; }

    /// <summary>The images that fuzzing begins with.</summary>
    public static FuzzSeed[] All()
        => [.. SampleImages.All().Select(sample => new FuzzSeed(sample.Image)), new FuzzSeed(SampleImages.ManyKeys(12)), new FuzzSeed(SampleImages.ManyKeys(40))];

    private void AddMetadata(List<(int Offset, int Size)> fields, DimensionDescriptor descriptor)
    {
        int at = 256;
        foreach (LayerDescriptor layer in descriptor.Layers)
        {
            fields.AddRange([(at, 2), (at + 2, 1), (at + 3, 4), (at + 7, 4)]);
            int end = at + 11 + layer.KeywordBytes.Length;
            for (int keyword = at + 11; keyword < end; keyword += 4 + BinaryPrimitives.ReadInt32LittleEndian(Image.AsSpan(keyword)))
            {
                fields.AddRange([(keyword, 4), (keyword + 4, 1)]);
            }

            fields.AddRange([(end, 8), (end + 8, 4)]);
            at = end + 12;
        }
    }

    private void AddIndex(List<(int Offset, int Size)> fields, int start)
    {
        KeywordIndexHeader header = KeywordIndexHeader.Read(Image.AsSpan(start), Image.Length - start, start);
        KeywordIndexLayout layout = header.Layout;
        fields.AddRange([(start, 8), (start + 8, 4), (start + 12, 4), (start + 16, 4), (start + 20, 4), (start + 24, 4), (start + 28, 4), (start + 32, 8), (start + 40, 8)]);
        AddEvery(fields, start + KeywordIndexFormat.HeaderBytes, start + (int)layout.HeadTreeOffset, 4);
        AddEvery(fields, start + (int)layout.HeadTreeOffset, start + (int)layout.LeavesOffset, 8);
        for (int leaf = start + (int)layout.LeavesOffset; leaf < start + (int)layout.RecordsOffset; leaf += KeywordIndexFormat.LeafBytes)
        {
            AddEvery(fields, leaf, leaf + KeywordIndexFormat.LeafReferencesOffset, 8);
            AddEvery(fields, leaf + KeywordIndexFormat.LeafReferencesOffset, leaf + KeywordIndexFormat.LeafBytes, 4);
        }

        for (int record = start + (int)layout.RecordsOffset; record < Image.Length;)
        {
            int key = BinaryPrimitives.ReadUInt16LittleEndian(Image.AsSpan(record));
            int display = BinaryPrimitives.ReadUInt16LittleEndian(Image.AsSpan(record + 2));
            uint postings = BinaryPrimitives.ReadUInt32LittleEndian(Image.AsSpan(record + 4));
            fields.AddRange([(record, 2), (record + 2, 2), (record + 4, 4)]);
            int first = record + KeywordIndexFormat.RecordHeadBytes;
            AddEvery(fields, first, first + ((int)postings * KeywordIndexFormat.PostingBytes), 4);
            record += (int)KeywordIndexFormat.RecordBytes(key, display, postings);
        }
    }

    private static void AddEvery(List<(int Offset, int Size)> fields, int start, int end, int size)
    {
        for (int at = start; at < end; at += size)
        {
            fields.Add((at, size));
        }
    }
}
