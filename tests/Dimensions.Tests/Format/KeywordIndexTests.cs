using System.Text;
using DimensionStore.Memory.Native;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Tests.Format;

public sealed class KeywordIndexTests
{
    private static readonly string[] Alphabet = ["a", "b", "B", "c", "é", "É", "ß", "ẞ", "Σ", "ς", "σ", "北", "\U0001F600", "\U00010400", " ", "-", "K", "\u212A", "İ", "abcdefgh", "ABCDEFGHI"];

    [Fact]
    public void An_empty_index_finds_nothing()
    {
        byte[] section = IndexOf(new ImageAssembler().AddEntry(0, "no keywords"));
        KeywordIndex index = KeywordIndex.Open(section);
        Assert.Equal(0, index.KeywordCount);
        Assert.False(index.TryFind("a", out _));
        Assert.False(index.FindPrefix("").MoveNext());
        Assert.False(index.FindPrefix("a").MoveNext());
        Assert.False(index.FindWildcard("*").MoveNext());
        KeywordIndex none = KeywordIndex.Open([]);
        Assert.Equal(0, none.KeywordCount);
        Assert.False(none.TryFind("a", out _));
        Assert.False(none.TryFind("a"u8, out _));
        Assert.False(none.FindPrefix("").MoveNext());
        Assert.False(none.FindPrefix("abcdefghi").MoveNext());
        Assert.False(none.FindWildcard("*").MoveNext());
    }

    [Fact]
    public void Finds_entries_of_a_keyword_in_any_case()
    {
        byte[] section = IndexOf(new ImageAssembler()
            .AddEntry(0, "first", "Joy", "Straße")
            .AddEntry(2, "second!", "JOY")
            .AddEntry(0, "third", "joy", "ΟΔΟΣ"));
        KeywordIndex index = KeywordIndex.Open(section);
        Assert.Equal(3, index.KeywordCount);
        Assert.True(index.TryFind("jOy", out PostingList postings));
        Assert.Equal(3, postings.Count);
        Assert.Equal(new EntryLocation(0, 0, 5), postings[0]);
        Assert.Equal(new EntryLocation(0, 5, 5), postings[1]);
        Assert.Equal(new EntryLocation(2, 0, 7), postings[2]);
        Assert.True(index.TryFind("STRAẞE"u8, out _));
        Assert.True(index.TryFind("οδος", out _));
        Assert.False(index.TryFind("jo", out _));
        Assert.False(index.TryFind("joyy", out _));
        Assert.False(index.TryFind("", out _));
        Assert.False(index.TryFind("joy\0", out _));

        KeywordCursor cursor = index.FindPrefix("j");
        Assert.True(cursor.MoveNext());
        Assert.Equal("Joy", Encoding.UTF8.GetString(cursor.Keyword));
        Assert.Equal("joy", Encoding.UTF8.GetString(cursor.FoldedKeyword));
        Assert.Equal(3, cursor.Postings.Count);
        Assert.False(cursor.MoveNext());
        Assert.True(cursor.Keyword.IsEmpty);
        Assert.Equal(0, cursor.Postings.Count);
    }

    [Fact]
    public void Keywords_of_every_length_are_told_apart_by_each_character()
    {
        string[] keywords = [.. Enumerable.Range(1, 40).Select(static n => string.Concat(Enumerable.Range(0, n).Select(i => (char)('a' + ((i + n) % 26)))))];
        KeywordIndex index = Open(keywords);
        foreach (string keyword in keywords)
        {
            Assert.True(index.TryFind(keyword.ToUpperInvariant(), out PostingList postings), keyword);
            Assert.Equal(1, postings.Count);
            for (int place = 0; place < keyword.Length; place++)
            {
                char[] other = keyword.ToCharArray();
                other[place] = '#';
                Assert.False(index.TryFind(other, out _), new string(other));
            }
        }
    }

    [Fact]
    public void A_posting_that_is_not_there_is_refused()
    {
        KeywordIndex index = KeywordIndex.Open(IndexOf(new ImageAssembler().AddEntry(0, "x", "k")));
        index.TryFind("k", out PostingList postings);
        int below = -1;
        ArgumentOutOfRangeException? error = null;
        try
        {
            _ = postings[below];
        }
        catch (ArgumentOutOfRangeException e)
        {
            error = e;
        }

        Assert.NotNull(error);
    }

    [Fact]
    public void Random_keywords_agree_with_a_sorted_dictionary()
    {
        Gen<string> keyword = Gen.Elements(Alphabet).NonEmptyListOf().Select(parts => string.Concat(parts));
        Gen<string[]> keywords = keyword.ArrayOf();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(400).WithEndSize(120), Prop.ForAll(keywords.ToArbitrary(), AgreesWithModel));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(5000)]
    public void Head_tree_of_any_height_finds_every_bound(int count)
    {
        string[] keywords = [.. Enumerable.Range(0, count).Select(i => $"k{i * 2:D6}{(i % 3 == 0 ? "-and-a-long-tail" : "")}")];
        KeywordIndex index = Open(keywords);
        Assert.Equal(count, index.KeywordCount);
        for (int i = 0; i < count; i++)
        {
            KeywordCursor cursor = index.FindPrefix($"k{i * 2:D6}");
            Assert.True(cursor.MoveNext());
            Assert.Equal(keywords[i], Encoding.UTF8.GetString(cursor.FoldedKeyword));
            Assert.False(cursor.MoveNext());
            Assert.False(index.FindPrefix($"k{(i * 2) + 1:D6}").MoveNext());
        }

        Assert.False(index.FindPrefix("l").MoveNext());
        Assert.False(index.FindPrefix("a").MoveNext());
        Assert.Equal(count, Count(index.FindPrefix("k")));
    }

    [Fact]
    public void Long_equal_heads_are_narrowed_exactly()
    {
        string[] keywords = [.. Enumerable.Range(0, 300).Select(i => $"same-head-{i:D3}"), "same-hea", "same-head", "same-heae", "same-h"];
        KeywordIndex index = Open(keywords);
        Assert.Equal(100, Count(index.FindPrefix("same-head-1")));
        Assert.Equal(10, Count(index.FindPrefix("same-head-17")));
        Assert.Equal(1, Count(index.FindPrefix("SAME-HEAD-299")));
        Assert.Equal(0, Count(index.FindPrefix("same-head-300")));
        Assert.Equal(301, Count(index.FindPrefix("same-head")));
        Assert.Equal(303, Count(index.FindPrefix("same-hea")));
        Assert.Equal(304, Count(index.FindPrefix("same-h")));
    }

    [Fact]
    public void Prefixes_of_every_length_are_narrowed_among_few_and_among_many()
    {
        // Ten and three hundred keys that share twenty bytes, so that every way of narrowing is taken: by head, by counting, by halves, by the whole prefix.
        string[] few = [.. Enumerable.Range(0, 10).Select(static i => $"few-keys-share-these-{i * 7:D3}")];
        string[] many = [.. Enumerable.Range(0, 300).Select(static i => $"many-keys-share-them-{i * 3:D3}")];
        string[] all = [.. few, .. many, "few-keys-share-thes", "few-keys-share-thez", "many-keys-share-thea", "many-keys-share-thf"];
        KeywordIndex index = Open(all);
        foreach (string key in all)
        {
            for (int length = 1; length <= key.Length; length++)
            {
                string prefix = key[..length];
                Assert.Equal(all.Count(k => k.StartsWith(prefix, StringComparison.Ordinal)), Count(index.FindPrefix(prefix)));
                string absent = prefix[..^1] + (char)(prefix[^1] + 1);
                Assert.Equal(all.Count(k => k.StartsWith(absent, StringComparison.Ordinal)), Count(index.FindPrefix(absent)));
            }
        }
    }

    [Fact]
    public void Keywords_that_share_a_bucket_are_all_found()
    {
        // Chosen by their hash: all of them begin at the last line, so that overflow runs over line after line and around the end.
        var colliding = new List<string>();
        for (int i = 0; colliding.Count < 60; i++)
        {
            string keyword = $"c{i}";
            if ((((ulong)ReferenceHash.Compute(Encoding.UTF8.GetBytes(keyword)) * 20) >> 32) == 19)
            {
                colliding.Add(keyword);
            }
        }

        byte[] section = IndexOf(With([.. colliding]));
        Assert.True(BitConverter.ToUInt32(section, 20) >= 8, "the keys do not overflow");
        KeywordIndex index = KeywordIndex.Open(section);
        foreach (string keyword in colliding)
        {
            Assert.True(index.TryFind(keyword, out _));
        }

        Assert.False(index.TryFind("absent", out _));
    }

    [Fact]
    public unsafe void Nothing_behind_a_keyword_that_ends_with_its_page_is_touched()
    {
        // Keywords are loaded sixteen characters at a time; here the page behind is not mapped, and touching it would end the process.
        nuint page = (nuint)VirtualMemory.PageSize;
        nint memory = VirtualMemory.Reserve(2 * page);
        try
        {
            VirtualMemory.Commit(memory, page);
            string[] keywords = [.. Enumerable.Range(1, 40).Select(static n => new string('k', n))];
            KeywordIndex index = Open(keywords);
            foreach (string keyword in keywords)
            {
                Span<char> atEnd = new Span<char>((void*)memory, (int)page / sizeof(char))[^keyword.Length..];
                keyword.ToUpperInvariant().CopyTo(atEnd);
                Assert.True(index.TryFind(atEnd, out _));
                Assert.Equal(41 - keyword.Length, Count(index.FindPrefix(atEnd)));
                atEnd[^1] = '\u806B';
                Assert.False(index.TryFind(atEnd, out _));
                Assert.False(index.FindPrefix(atEnd).MoveNext());
            }
        }
        finally
        {
            VirtualMemory.Release(memory, 2 * page);
        }
    }

    [Theory]
    [InlineData(3)]
    [InlineData(9)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(31)]
    [InlineData(33)]
    public void Characters_that_are_no_ASCII_are_told_from_those_that_share_their_lower_byte(int length)
    {
        string keyword = new('k', length);
        KeywordIndex index = Open(keyword, keyword + "a");
        for (int place = 0; place < length; place++)
        {
            foreach (char stranger in "\0\u00EB\u016B\u7F6B\u806B\uFF6B\uFFFF")
            {
                char[] other = keyword.ToCharArray();
                other[place] = stranger;
                Assert.False(index.TryFind(other, out _));
                Assert.False(index.FindPrefix(other).MoveNext());
            }
        }

        Assert.True(index.TryFind(keyword, out _));
        Assert.False(index.TryFind(keyword + "\0", out _));
        Assert.False(index.FindPrefix(keyword + "\0").MoveNext());
    }

    [Fact]
    public void Keys_that_differ_in_few_bits_spread_over_the_lines_as_random_ones_do()
    {
        const int Count = 30_000;
        Random random = new(3);
        double byChance = Overflow(i => string.Concat(Enumerable.Range(0, 12).Select(_ => (char)('a' + random.Next(26)))));
        Assert.InRange(byChance, 0.01, 0.03);
        Func<int, string>[] families =
        [
            i => $"{i}", i => $"{i:D8}", i => $"{i:x16}", i => $"{i << 12:x8}", i => $"user:{i}", i => new DateOnly(1940, 1, 1).AddDays(i).ToString("O"),
            i => $"https://example.com/items/{i}.html", i => $"10.{i >> 16}.{(i >> 8) & 255}.{i & 255}", i => $"{i / 150}.{i % 150}", i => $"{(char)(0x4E00 + i)}",
        ];
        Assert.All(families, family => Assert.InRange(Overflow(family), 0, 3 * byChance));

        // Control: a hash that looks at one bit of four is found out.
        Assert.True(Overflow(i => $"{i}", 0x11111111) > 10 * byChance);

        static double Overflow(Func<int, string> family, uint mask = uint.MaxValue)
        {
            const int Lines = (Count + 2) / 3;
            int[] keys = new int[Lines];
            for (int i = 0; i < Count; i++)
            {
                keys[(int)KeywordIndexFormat.Bucket(KeywordHash.Compute(Encoding.UTF8.GetBytes(family(i))) & mask, Lines)]++;
            }

            return keys.Sum(n => Math.Max(0, n - 6)) / (double)Count;
        }
    }

    [Theory]
    [InlineData("*", new[] { "a", "ab", "abc", "b", "éa", "北京" })]
    [InlineData("**", new[] { "a", "ab", "abc", "b", "éa", "北京" })]
    [InlineData("A*", new[] { "a", "ab", "abc" })]
    [InlineData("a?", new[] { "ab" })]
    [InlineData("?", new[] { "a", "b" })]
    [InlineData("??", new[] { "ab", "éa", "北京" })]
    [InlineData("*A", new[] { "a", "éa" })]
    [InlineData("É?", new[] { "éa" })]
    [InlineData("?京", new[] { "北京" })]
    [InlineData("a*c", new[] { "abc" })]
    [InlineData("abc", new[] { "abc" })]
    [InlineData("*b*", new[] { "ab", "abc", "b" })]
    [InlineData("???*", new[] { "abc" })]
    [InlineData("abcd*", new string[0])]
    [InlineData("", new string[0])]
    [InlineData("\0*", new string[0])]
    public void Wildcards_match_whole_characters(string pattern, string[] expected)
    {
        KeywordIndex index = Open("a", "ab", "abc", "b", "Éa", "北京");
        Assert.Equal(expected, Walk(index.FindWildcard(pattern)));
    }

    [Fact]
    public void A_wildcard_made_to_explode_is_answered()
    {
        string keyword = new('a', 1000);
        KeywordIndex index = Open(keyword);
        string pattern = string.Concat(Enumerable.Repeat("a*", 400)) + "b";
        Assert.False(index.FindWildcard(pattern).MoveNext());
        Assert.True(index.FindWildcard(string.Concat(Enumerable.Repeat("a*", 400)) + "a").MoveNext());
        Assert.False(index.FindWildcard(new string('?', 1001)).MoveNext());
        Assert.False(index.FindWildcard(new string('a', 5000) + "*").MoveNext());
    }

    [Fact]
    public void Exact_and_prefix_lookups_allocate_nothing()
    {
        KeywordIndex index = Open([.. Enumerable.Range(0, 1000).Select(i => $"keyword {i} é")]);
        Assert.Equal(0, Measure(index, 1));
        Assert.Equal(0, Measure(index, 100));

        static long Measure(KeywordIndex index, int rounds)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < rounds; i++)
            {
                if (!index.TryFind("KEYWORD 77 É", out PostingList postings) || postings[0].Length != 1 || index.TryFind("nothing", out _)
                    || !index.FindPrefix("keyw").MoveNext() || !index.FindPrefix("KEYWORD 77 é").MoveNext())
                {
                    throw new InvalidOperationException("A lookup gave a wrong answer.");
                }
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    private static bool AgreesWithModel(string[] keywords)
    {
        var model = new SortedDictionary<string, List<EntryLocation>>(StringComparer.Ordinal);
        ImageAssembler assembler = With(keywords);
        for (int i = 0; i < keywords.Length; i++)
        {
            string key = Convert.ToHexString(ImageAssembler.Fold(keywords[i]));
            if (!model.TryGetValue(key, out List<EntryLocation>? list))
            {
                model.Add(key, list = []);
            }

            list.Add(new EntryLocation(i % 4, i / 4, 1));
        }

        KeywordIndex index = KeywordIndex.Open(IndexOf(assembler));
        bool same = index.KeywordCount == model.Count;
        foreach (string keyword in keywords)
        {
            List<EntryLocation> expected = [.. model[Convert.ToHexString(ImageAssembler.Fold(keyword))].OrderBy(l => l.Layer).ThenBy(l => l.Offset)];
            same &= index.TryFind(keyword, out PostingList byChars) && Same(byChars, expected);
            same &= index.TryFind(Encoding.UTF8.GetBytes(keyword), out PostingList byBytes) && Same(byBytes, expected);
            same &= index.TryFind(keyword + "x", out _) == model.ContainsKey(Convert.ToHexString(ImageAssembler.Fold(keyword + "x")));
            for (int cut = 0; cut <= keyword.Length; cut++)
            {
                if (cut < keyword.Length && char.IsLowSurrogate(keyword[cut]))
                {
                    same &= !index.FindPrefix(keyword.AsSpan(0, cut)).MoveNext();
                    continue;
                }

                string prefix = cut == 0 ? "" : Convert.ToHexString(ImageAssembler.Fold(keyword[..cut]));
                List<string> begins = [.. model.Keys.Where(k => k.StartsWith(prefix, StringComparison.Ordinal))];
                same &= WalkHex(index.FindPrefix(keyword.AsSpan(0, cut))).SequenceEqual(begins);
                same &= WalkHex(index.FindWildcard(keyword[..cut] + "*")).SequenceEqual(begins);
                same &= WalkHex(index.FindWildcard("*" + keyword[cut..])).SequenceEqual(
                    model.Keys.Where(k => cut == keyword.Length || k.EndsWith(Convert.ToHexString(ImageAssembler.Fold(keyword[cut..])), StringComparison.Ordinal)));
            }
        }

        return same;
    }

    private static bool Same(PostingList postings, List<EntryLocation> expected)
    {
        bool same = postings.Count == expected.Count;
        for (int i = 0; same && i < expected.Count; i++)
        {
            same = postings[i] == expected[i];
        }

        return same;
    }

    private static ImageAssembler With(string[] keywords)
    {
        var assembler = new ImageAssembler();
        for (int i = 0; i < keywords.Length; i++)
        {
            assembler.AddEntry(i % 4, "x", keywords[i]);
        }

        if (keywords.Length == 0)
        {
            assembler.AddLayer(0);
        }

        return assembler;
    }

    private static KeywordIndex Open(params string[] keywords) => KeywordIndex.Open(IndexOf(With(keywords)));

    private static byte[] IndexOf(ImageAssembler assembler)
    {
        byte[] image = assembler.Build();
        DimensionDescriptor descriptor = DimensionDescriptor.Parse(image, image.Length);
        return image[(int)descriptor.IndexOffset..];
    }

    private static int Count(KeywordCursor cursor)
    {
        int count = 0;
        while (cursor.MoveNext())
        {
            count++;
        }

        return count;
    }

    private static List<string> Walk(KeywordCursor cursor)
    {
        var found = new List<string>();
        while (cursor.MoveNext())
        {
            found.Add(Encoding.UTF8.GetString(cursor.FoldedKeyword));
        }

        return found;
    }

    private static List<string> WalkHex(KeywordCursor cursor)
    {
        var found = new List<string>();
        while (cursor.MoveNext())
        {
            found.Add(Convert.ToHexString(cursor.FoldedKeyword));
        }

        return found;
    }
}
