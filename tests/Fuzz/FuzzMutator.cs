using System.Buffers.Binary;
using DimensionStore.Tests.Format;

namespace DimensionStore.Fuzz;

/// <summary>Makes a damaged image from sound ones. The same seed and number give the same image.</summary>
internal sealed class FuzzMutator(FuzzSeed[] seeds)
{
    private static readonly ulong[] Extremes =
    [
        0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 255, 256, 257, 1024, 1025, 4096, 4097, 0x7FFF, 0x8000, 0xFFFF, 0x10000,
        0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF, 0x100000000, 0x1FFFFFFF8, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0xFFFFFFFFFFFFFFC0, 0xFFFFFFFFFFFFFFFF,
    ];

    private readonly byte[] _buffer = new byte[seeds.Max(seed => seed.Image.Length) + 1024];

    /// <summary>Makes an image; it lives until the next one is made.</summary>
    public Span<byte> Make(ulong seed, ulong input)
    {
        var random = new FuzzRandom(seed, input);
        FuzzSeed chosen = seeds[random.Below(seeds.Length)];
        int length = chosen.Image.Length;
        chosen.Image.CopyTo(_buffer.AsSpan());
        _buffer.AsSpan(length).Clear();
        int mutations = 1 + random.Below(random.Chance(70) ? 2 : 8);
        for (int i = 0; i < mutations && length > 0; i++)
        {
            length = Mutate(ref random, chosen, length);
        }

        Span<byte> image = _buffer.AsSpan(0, length);
        if (length != chosen.Image.Length && length >= 80 && random.Chance(80))
        {
            BinaryPrimitives.WriteInt64LittleEndian(image[72..], length);
        }

        if (random.Chance(85))
        {
            ImageAssembler.FixChecksums(image);
        }

        return image;
    }

    private int Mutate(ref FuzzRandom random, FuzzSeed seed, int length)
    {
        Span<byte> image = _buffer.AsSpan(0, length);
        switch (random.Below(16))
        {
            case 0:
            case 1:
                image[random.Below(length)] ^= (byte)(1 << random.Below(8));
                return length;
            case 2:
                image[random.Below(length)] = (byte)random.Next();
                return length;
            case 3:
                Splice(ref random, image);
                return length;
            case 4:
                return Resize(ref random, length);
            case 5:
            case 6:
                Swap(ref random, seed, image);
                return length;
            default:
                ChangeField(ref random, seed, image);
                return length;
        }
    }

    private static void ChangeField(ref FuzzRandom random, FuzzSeed seed, Span<byte> image)
    {
        (int offset, int size) = seed.Fields[random.Below(seed.Fields.Length)];
        if (offset + size > image.Length)
        {
            return;
        }

        Span<byte> field = image.Slice(offset, size);
        ulong old = ReadField(field);
        WriteField(field, random.Below(5) switch
        {
            0 => Extremes[random.Below(Extremes.Length)],
            1 => old + (ulong)(random.Below(17) - 8),
            2 => (ulong)(image.Length + random.Below(129) - 64),
            3 => old ^ (1UL << random.Below(size * 8)),
            _ => random.Next() >> random.Below(64),
        });
    }

    private static void Swap(ref FuzzRandom random, FuzzSeed seed, Span<byte> image)
    {
        (int first, int size) = seed.Fields[random.Below(seed.Fields.Length)];
        (int second, int otherSize) = seed.Fields[random.Below(seed.Fields.Length)];
        if (size != otherSize || first + size > image.Length || second + size > image.Length)
        {
            return;
        }

        ulong value = ReadField(image.Slice(first, size));
        WriteField(image.Slice(first, size), ReadField(image.Slice(second, size)));
        WriteField(image.Slice(second, size), value);
    }

    private void Splice(ref FuzzRandom random, Span<byte> image)
    {
        byte[] source = seeds[random.Below(seeds.Length)].Image;
        int count = 1 + random.Below(Math.Min(random.Chance(50) ? 16 : 256, Math.Min(source.Length, image.Length)));
        source.AsSpan(random.Below(source.Length - count + 1), count).CopyTo(image[random.Below(image.Length - count + 1)..]);
    }

    private int Resize(ref FuzzRandom random, int length)
        => random.Chance(50)
            ? random.Below(length + 1)
            : Math.Clamp(length + random.Below(257) - 128, 0, _buffer.Length);

    private static ulong ReadField(ReadOnlySpan<byte> field)
    {
        ulong value = 0;
        for (int i = field.Length - 1; i >= 0; i--)
        {
            value = (value << 8) | field[i];
        }

        return value;
    }

    private static void WriteField(Span<byte> field, ulong value)
    {
        for (int i = 0; i < field.Length; i++)
        {
            field[i] = (byte)(value >> (8 * i));
        }
    }
}
