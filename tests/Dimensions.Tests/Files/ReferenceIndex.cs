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

        List<ulong[]> heads = [];
        for (int level = levels.Count - 1; level >= 0; level--)
        {
            int padded = (levels[level] + 7) / 8 * 8;
            ulong[] level_heads = [.. Enumerable.Range(0, padded).Select(i => U64(position + (8 * i)))];
            Assert.All(level_heads[levels[level]..], head => Assert.Equal(ulong.MaxValue, head));
            heads.Insert(0, level_heads);
            position += 8 * padded;
        }

        uint[] order = [.. Enumerable.Range(0, (int)keys).Select(i => U32(position + (4 * i)))];
        position += 4 * (int)keys;
        for (; position % 64 != 0; position++)
        {
            Assert.Equal(0, section[position]);
        }

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

            Assert.Equal(BinaryPrimitives.ReadUInt64BigEndian([.. key.Folded, 0, 0, 0, 0, 0, 0, 0, 0]), heads[0][i]);
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
            ulong hash = Hash(Keys[i].Folded);
            uint line = (uint)(((hash & uint.MaxValue) * _bucketCount) >> 32);
            for (uint probe = 1; ; probe++, line = (line + 1) % _bucketCount)
            {
                Assert.True(probe <= _maxProbe, "found within max_probe lines");
                int at = 64 + (64 * (int)line);
                int slot = Enumerable.Range(0, 5).FirstOrDefault(s => U32(at + 20 + (4 * s)) == order[i], -1);
                if (slot >= 0)
                {
                    Assert.Equal((uint)(hash >> 32), U32(at + (4 * slot)));
                    seenProbe = Math.Max(seenProbe, probe);
                    break;
                }

                Assert.True(Enumerable.Range(0, 5).All(s => U32(at + 20 + (4 * s)) != 0), "a lookup does not stop at an empty slot before the key");
            }
        }

        for (int line = 0; line < _bucketCount; line++)
        {
            bool ended = false;
            for (int slot = 0; slot < 5; slot++)
            {
                uint reference = U32(64 + (64 * line) + 20 + (4 * slot));
                used += reference == 0 ? 0 : 1;
                Assert.False(ended && reference != 0, "slots are filled from 0 up");
                ended |= reference == 0;
                Assert.True(reference != 0 || U32(64 + (64 * line) + (4 * slot)) == 0, "an empty slot has no tag");
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
        byte[] folded = Padded(ref position, keyLength);
        byte[] display = Padded(ref position, displayLength);
        List<EntryLocation> postings = [];
        for (int i = 0; i < count; i++)
        {
            int p = position + (12 * i);
            postings.Add(new EntryLocation(_bytes[p + 8], U32(p), (int)U32(p + 4)));
            Assert.Equal(0, _bytes[p + 9] | _bytes[p + 10] | _bytes[p + 11]);
        }

        _ = Padded(ref position, 12 * count);
        length = position - at;
        return new Key(folded, displayLength == 0 ? folded : display, postings);
    }

    private byte[] Padded(ref int position, int length)
    {
        byte[] bytes = _bytes[position..(position + length)];
        position += length;
        for (; position % 8 != 0; position++)
        {
            Assert.Equal(0, _bytes[position]);
        }

        return bytes;
    }

    private static ulong Hash(byte[] key)
    {
        static ulong Mum(ulong a, ulong b)
        {
            BigInteger product = (BigInteger)a * b;
            return (ulong)(product & ulong.MaxValue) ^ (ulong)(product >> 64);
        }

        ulong hash = unchecked((ulong)key.Length * 0x9E3779B97F4A7C15);
        byte[] padded = [.. key, .. new byte[(8 - (key.Length % 8)) % 8]];
        for (int i = 0; i < padded.Length; i += 8)
        {
            hash = Mum(hash ^ BinaryPrimitives.ReadUInt64LittleEndian(padded.AsSpan(i)), 0xA0761D6478BD642F);
        }

        return Mum(hash ^ 0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3);
    }

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(_bytes.AsSpan(at));

    private ulong U64(int at) => BinaryPrimitives.ReadUInt64LittleEndian(_bytes.AsSpan(at));

    internal sealed record Key(byte[] Folded, byte[] Display, List<EntryLocation> Postings)
    {
        public string DisplayText => Encoding.UTF8.GetString(Display);
    }
}
