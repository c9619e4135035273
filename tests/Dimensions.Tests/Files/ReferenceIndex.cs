using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace DimensionStore.Tests.Files;

/// <summary>
/// A second reader of the keyword index, written from the format page alone: slow, whole, and strict about every byte.
/// What the writer makes is judged by it, not by the library's own reader, which could share a misunderstanding.
/// </summary>
internal sealed class ReferenceIndex
{
    private readonly byte[] _bytes;
    private readonly uint _bucketCount;
    private readonly uint _maxProbe;
    private readonly int _records;
    private readonly uint[] _hints;

    public ReferenceIndex(byte[] section)
    {
        _bytes = section;
        Assert.Equal("DSKWIX01", Encoding.ASCII.GetString(section, 0, 8));
        uint keys = U32(8);
        uint postings = U32(12);
        _bucketCount = U32(16);
        _maxProbe = U32(20);
        EntryCount = U32(24);
        Assert.Equal(0u, U32(28));
        long recordsLength = (long)U64(32);
        Assert.All(section[40..64], b => Assert.Equal(0, b));
        Assert.Equal(Math.Max(1u, (keys + 2) / 3), _bucketCount);
        Assert.InRange(_maxProbe, 1u, _bucketCount);

        int position = 64 + (64 * (int)_bucketCount);
        List<int> levels = [];
        for (int n = (int)keys; n > 0; n = (n + 7) / 8)
        {
            levels.Add(n);
            if (n <= 8)
            {
                break;
            }
        }

        // From the top level down: eight heads, eight second heads, and in the last level eight references and eight hints.
        List<(ulong First, ulong Second)[]> heads = [];
        uint[] order = new uint[(keys + 7) / 8 * 8];
        _hints = new uint[order.Length];
        for (int level = levels.Count - 1; level >= 0; level--)
        {
            (ulong First, ulong Second)[] levelHeads = new (ulong, ulong)[(levels[level] + 7) / 8 * 8];
            for (int group = 0; group < levelHeads.Length; group += 8)
            {
                for (int i = 0; i < 8; i++)
                {
                    levelHeads[group + i] = (U64(position + (8 * i)), U64(position + 64 + (8 * i)));
                    if (level == 0)
                    {
                        order[group + i] = U32(position + 128 + (4 * i));
                        _hints[group + i] = U32(position + 160 + (4 * i));
                    }
                }

                position += level == 0 ? 192 : 128;
            }

            Assert.All(levelHeads[levels[level]..], head => Assert.Equal((ulong.MaxValue, ulong.MaxValue), head));
            heads.Insert(0, levelHeads);
        }

        Assert.All(order[(int)keys..], reference => Assert.Equal(0u, reference));
        Assert.All(_hints[(int)keys..], hint => Assert.Equal(0u, hint));
        Assert.Equal(0, position % 64);
        _records = position;
        Assert.Equal(section.Length, _records + recordsLength);
        long all = 0;
        for (int i = 0; i < keys; i++)
        {
            Assert.Equal((uint)((position - _records) / 8) + 1, order[i]);
            Key key = ReadKey(position, out int length);
            if (i > 0)
            {
                Assert.True(Keys[^1].Folded.AsSpan().SequenceCompareTo(key.Folded) < 0, "keys ascend");
            }

            byte[] padded = [.. key.Folded, .. new byte[16]];
            Assert.Equal((BinaryPrimitives.ReadUInt64BigEndian(padded), BinaryPrimitives.ReadUInt64BigEndian(padded.AsSpan(8))), heads[0][i]);
            Keys.Add(key);
            all += key.Postings.Count;
            position += length;
        }

        Assert.Equal(section.Length, position);
        Assert.Equal(postings, all);
        for (int level = 1; level < levels.Count; level++)
        {
            for (int i = 0; i < levels[level]; i++)
            {
                Assert.Equal(heads[level - 1][Math.Min((8 * i) + 7, levels[level - 1] - 1)], heads[level][i]);
            }
        }

        CheckBuckets(order);
    }

    public uint EntryCount { get; }

    public uint MaxProbe => _maxProbe;

    public List<Key> Keys { get; } = [];

    private void CheckBuckets(uint[] order)
    {
        uint seenProbe = 1;
        int used = 0;
        for (int i = 0; i < Keys.Count; i++)
        {
            uint hash = Hash(Keys[i].Folded);
            uint line = (uint)(((ulong)hash * _bucketCount) >> 32);
            for (uint probe = 1; ; probe++, line = (line + 1) % _bucketCount)
            {
                Assert.True(probe <= _maxProbe, "found within max_probe lines");
                int at = 64 + (64 * (int)line);
                int slot = Enumerable.Range(0, 6).FirstOrDefault(s => U32(at + 16 + (4 * s)) == order[i], -1);
                if (slot >= 0)
                {
                    Assert.Equal(hash & 0xFFFF, U16(at + (2 * slot)));
                    Assert.Equal(_hints[i], U32(at + 40 + (4 * slot)));
                    seenProbe = Math.Max(seenProbe, probe);
                    break;
                }

                Assert.True(Enumerable.Range(0, 6).All(s => U32(at + 16 + (4 * s)) != 0), "a lookup does not stop at an empty slot before the key");
            }
        }

        for (int line = 0; line < _bucketCount; line++)
        {
            bool ended = false;
            Assert.Equal(0u, U32(64 + (64 * line) + 12));
            for (int slot = 0; slot < 6; slot++)
            {
                uint reference = U32(64 + (64 * line) + 16 + (4 * slot));
                used += reference == 0 ? 0 : 1;
                Assert.False(ended && reference != 0, "slots are filled from 0 up");
                ended |= reference == 0;
                Assert.True(reference != 0 || U32(64 + (64 * line) + 40 + (4 * slot)) == 0, "an empty slot has no hint");
                Assert.True(reference != 0 || U16(64 + (64 * line) + (2 * slot)) == 0, "an empty slot has no tag");
            }
        }

        Assert.Equal(Keys.Count, used);
        Assert.Equal(_maxProbe, seenProbe);
    }

    private Key ReadKey(int at, out int length)
    {
        Assert.Equal(0, at % 8);
        int keyLength = BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(at));
        int displayLength = BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(at + 2));
        int count = (int)U32(at + 4);
        Assert.InRange(keyLength, 1, 1024);
        Assert.InRange(displayLength, 0, 4096);
        Assert.InRange(count, 1, int.MaxValue);
        int position = at + 8;
        List<EntryLocation> postings = [];
        for (int i = 0; i < count; i++, position += 12)
        {
            postings.Add(new EntryLocation(_bytes[position + 8], U32(position), (int)U32(position + 4)));
            Assert.Equal(0, _bytes[position + 9] | _bytes[position + 10] | _bytes[position + 11]);
        }

        byte[] folded = _bytes[position..(position += keyLength)];
        byte[] display = _bytes[position..(position += displayLength)];
        for (; position % 8 != 0; position++)
        {
            Assert.Equal(0, _bytes[position]);
        }

        length = position - at;
        return new Key(folded, displayLength == 0 ? folded : display, postings);
    }

    private static uint Hash(byte[] key)
    {
        uint state = uint.MaxValue;
        foreach (byte b in (byte[])[.. key, .. new byte[(16 - (key.Length % 16)) % 16]])
        {
            state = BitOperations.Crc32C(state, b);
        }

        return ~state;
    }

    private uint U16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(_bytes.AsSpan(at));

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(at));

    private ulong U64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(at));

    internal sealed record Key(byte[] Folded, byte[] Display, List<EntryLocation> Postings)
    {
        public string DisplayText => Encoding.UTF8.GetString(Display);
    }
}
