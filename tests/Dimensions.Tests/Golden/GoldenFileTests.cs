using System.Globalization;
using System.Text;

namespace DimensionStore.Tests.Golden;

public sealed class GoldenFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("golden").FullName;

    public static TheoryData<string> Names { get; } = [.. GoldenFiles.Names];

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [MemberData(nameof(Names))]
    public void The_writer_still_writes_the_golden_bytes(string name)
    {
        string path = Path.Combine(_directory, name + ".mmap");
        GoldenFiles.Write(name, path);
        byte[] golden = File.ReadAllBytes(GoldenFiles.PathOf(name));
        byte[] written = File.ReadAllBytes(path);
        if (name == "compressed")
        {
            // Another version of a compressor may make another stream of the same content.
            Assert.Equal(Contents(golden), Contents(written));
            return;
        }

        Assert.Equal(Convert.ToHexString(golden), Convert.ToHexString(written));
    }

    /// <summary>Two implementations that share no code but the folding make the same bytes.</summary>
    [Theory]
    [InlineData("plain")]
    [InlineData("extended")]
    [InlineData("sealed")]
    public void The_assembler_makes_the_golden_bytes_too(string name)
    {
        var assembler = new Format.ImageAssembler
        {
            Id = name == "sealed" ? 9u : 1u,
            Name = name == "sealed" ? "Ethics" : "Emotion",
            Plain = name == "plain",
            Sealed = name == "sealed",
        };
        assembler.AddLayer(0, 0, 432.5f);
        if (name != "extended")
        {
            assembler.AddLayer(1, 3, 528f);
        }

        foreach ((int layer, string[] keywords, string content) in GoldenFiles.Entries(name))
        {
            assembler.AddEntry(layer, content, keywords);
        }

        Assert.Equal(Convert.ToHexString(File.ReadAllBytes(GoldenFiles.PathOf(name))), Convert.ToHexString(assembler.Build()));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_entry_of_a_golden_file_is_found(string name)
    {
        byte[] image = File.ReadAllBytes(GoldenFiles.PathOf(name));
        DimensionDescriptor descriptor = Format.SampleImages.Verify(image);
        Assert.Equal(name == "plain", descriptor.IsPlain);
        Assert.Equal(name == "sealed", descriptor.IsSealed);
        Assert.Equal(name != "plain", descriptor.HasIndex);
        string[] contents = Contents(image);
        var next = new int[contents.Length];
        KeywordIndex index = descriptor.HasIndex ? KeywordIndex.Open(image.AsSpan((int)descriptor.IndexOffset)) : default;
        foreach ((int layer, string[] keywords, string content) in GoldenFiles.Entries(name))
        {
            int length = Encoding.UTF8.GetByteCount(content);
            Assert.Equal(content, Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(contents[layer]), next[layer], length));
            foreach (string keyword in descriptor.HasIndex ? keywords : [])
            {
                Assert.True(index.TryFind(keyword, out PostingList postings));
                bool found = false;
                for (int i = 0; i < postings.Count; i++)
                {
                    found |= postings[i] == new EntryLocation(layer, next[layer], length);
                }

                Assert.True(found, keyword);
            }

            next[layer] += length;
        }
    }

    [Fact]
    public void The_pages_hex_dump_is_the_golden_file()
    {
        byte[] golden = File.ReadAllBytes(GoldenFiles.PathOf("extended"));
        string[] page = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Golden", "JESSY_MMAP_V1.md"));
        string[] dump = [.. page.Where(line => line == "*" || (line.Length > 9 && line[8] == ' ' && line[..8].All(char.IsAsciiHexDigitLower)))];
        Assert.Equal(Dump(golden), dump);
    }

    [Fact]
    public void The_pages_hash_vectors_are_right()
    {
        string[] page = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "Golden", "JESSY_MMAP_V1.md"));
        (string Key, uint Hash)[] vectors =
        [
            .. page.Select(line => line.Split('|', StringSplitOptions.TrimEntries))
                .Where(cells => cells.Length == 4 && cells[2].Length == 12 && cells[2][0] == '`')
                .Select(cells => (cells[1].Trim('`'), uint.Parse(cells[2].Trim('`')[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture))),
        ];
        Assert.Equal(6, vectors.Length);
        Assert.All(vectors, vector => Assert.Equal(vector.Hash, KeywordHash.Compute(Encoding.UTF8.GetBytes(vector.Key))));
    }

    [Fact]
    public void The_page_names_every_rejection()
    {
        string page = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Golden", "JESSY_MMAP_V1.md"));
        Assert.All(Enum.GetNames<DimensionFormatError>(), name => Assert.Contains($"`{name}`", page, StringComparison.Ordinal));
    }

    private static string[] Contents(byte[] image)
    {
        DimensionDescriptor descriptor = DimensionDescriptor.Parse(image, image.Length);
        return [.. descriptor.Layers.Select(layer => Encoding.UTF8.GetString(Format.SampleImages.Content(image, layer)))];
    }

    private static List<string> Dump(byte[] image)
    {
        var lines = new List<string>();
        byte[] previous = [];
        for (int at = 0; at < image.Length; at += 16)
        {
            byte[] line = image[at..Math.Min(at + 16, image.Length)];
            if (line.AsSpan().SequenceEqual(previous))
            {
                if (lines[^1] != "*")
                {
                    lines.Add("*");
                }

                continue;
            }

            previous = line;
            string text = string.Concat(line.Select(b => b is >= 0x20 and < 0x7F ? (char)b : '.'));
            lines.Add($"{at:x8}  {string.Join(' ', line.Select(b => b.ToString("x2", CultureInfo.InvariantCulture))),-47}  {text}".TrimEnd());
        }

        return lines;
    }
}
