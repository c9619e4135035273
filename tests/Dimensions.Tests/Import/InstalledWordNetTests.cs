using System.Globalization;

namespace DimensionStore.Tests.Import;

/// <summary>The whole of WordNet 3.0, checked against its own index files, which the importer never reads.</summary>
public sealed class InstalledWordNetTests
{
    private const int Synsets = 117_659;
    private const int DistinctLemmas = 147_306;
    private const long ReserveForImports = 80L << 20;

    private static readonly string[] s_partsOfSpeech = ["noun", "verb", "adj", "adv"];

    [Fact]
    public void Every_lemma_of_the_index_files_is_found_with_every_gloss_of_its_senses()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        if (!WordNetImporter.IsInstalled())
        {
            Assert.Skip($"WordNet is not in {WordNetImporter.DefaultDirectory}; Debian's package wordnet-base puts it there.");
        }

        string directory = Directory.CreateTempSubdirectory("wordnet-import-").FullName;
        try
        {
            WordNetImportResult result = WordNetImporter.Import(WordNetImporter.DefaultDirectory, directory, cancellationToken: cancellation);
            Assert.Equal(Synsets, result.SynsetCount);
            Assert.Equal(Synsets, result.Files.Sum(f => f.EntryCount));
            Assert.Equal(Enumerable.Range(1, 18), result.Files.Select(f => f.Id.Value));
            Assert.All(result.Files, f => Assert.InRange(f.SizeBytes, 1, DimensionLayout.Default.MaxBytesOf(f.Id)));
            Assert.InRange(result.Files.Where(f => !f.Id.IsCore).Sum(f => f.SizeBytes), 1, ReserveForImports);
            Assert.All(result.Files, f => Assert.Null(DimensionFile.Verify(f.FilePath, TestContext.Current.CancellationToken).Error));
            Assert.Equal(result.Files.Select(f => f.FilePath), Directory.GetFileSystemEntries(directory).Order(StringComparer.Ordinal));
            CheckAgainstIndexFiles(result.Files);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void CheckAgainstIndexFiles(IReadOnlyList<GeneratedFile> files)
    {
        MmapRegion[] regions = [.. files.Select(f => MmapRegion.Open(f.FilePath))];
        try
        {
            HashSet<string> lemmas = [];
            List<string> lost = [];
            int lines = 0;
            foreach (string partOfSpeech in s_partsOfSpeech)
            {
                byte[] data = File.ReadAllBytes(Path.Combine(WordNetImporter.DefaultDirectory, "data." + partOfSpeech));
                lines += data.AsSpan().Count((byte)'\n') - data.AsSpan().Count("\n  "u8) - 1;
                foreach (string line in File.ReadLines(Path.Combine(WordNetImporter.DefaultDirectory, "index." + partOfSpeech)).Where(l => l[0] != ' '))
                {
                    string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                    string lemma = fields[0];
                    lemmas.Add(lemma);
                    int senses = int.Parse(fields[2], CultureInfo.InvariantCulture);
                    foreach (string offset in fields[^senses..])
                    {
                        ReadOnlySpan<byte> gloss = GlossAt(data, int.Parse(offset, CultureInfo.InvariantCulture));
                        if (!IsFound(regions, lemma, gloss) || !IsFound(regions, lemma.Replace('_', ' ').ToUpperInvariant(), gloss))
                        {
                            lost.Add($"{lemma} ({partOfSpeech} {offset})");
                        }
                    }
                }
            }

            Assert.Equal(Synsets, lines);
            Assert.Equal(DistinctLemmas, lemmas.Count);
            Assert.Empty(lost);
            // The control: what is not there is not found, and a found lemma does not have every gloss.
            Assert.False(IsFound(regions, "no_such_lemma", "x"u8));
            Assert.False(IsFound(regions, "dog", "no such gloss"u8));
        }
        finally
        {
            foreach (MmapRegion region in regions)
            {
                region.Dispose();
            }
        }
    }

    private static ReadOnlySpan<byte> GlossAt(ReadOnlySpan<byte> data, int offset)
    {
        ReadOnlySpan<byte> line = data[offset..];
        line = line[..line.IndexOf((byte)'\n')];
        return line[(line.IndexOf("| "u8) + 2)..].Trim(" "u8);
    }

    private static bool IsFound(MmapRegion[] regions, string keyword, ReadOnlySpan<byte> gloss)
    {
        foreach (MmapRegion region in regions)
        {
            if (!region.Index.TryFind(keyword, out PostingList postings))
            {
                continue;
            }

            for (int i = 0; i < postings.Count; i++)
            {
                EntryLocation location = postings[i];
                if (region.StoredLayer(location.Layer).Slice((int)location.Offset, location.Length).SequenceEqual(gloss))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
