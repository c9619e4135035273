namespace DimensionStore.Benchmarks.Quick;

/// <summary>Making files, synced to the disk, beside writing the same bytes plainly.</summary>
internal static class BuildGroup
{
    public static IEnumerable<Measurement> Run(Workspace workspace)
    {
        string plain = Path.Combine(workspace.Root, "plain.bin");
        string built = Path.Combine(workspace.Root, "built.mmap");
        byte[] bytes = File.ReadAllBytes(workspace.DimensionPath);
        int items = workspace.Corpus.Items.Count;
        List<Measurement> all =
        [
            .. Race.Run("build a file of every key, per entry", 3,
                new Contender("DimensionStore, index and checksums, synced", () => Build(workspace, built, items), IsOurs: true),
                new Contender("the finished bytes, written and synced", () => WritePlain(plain, bytes, items))),
        ];
        if (WordNetImporter.IsInstalled())
        {
            string target = Path.Combine(workspace.Root, "wordnet");
            all.AddRange(Race.Run("import of WordNet, whole, synced", 3, new Contender("DimensionStore", () => Import(target), IsOurs: true)));
        }

        return all;
    }

    private static long Build(Workspace workspace, string path, int items)
    {
        workspace.BuildDimension(path);
        return items;
    }

    private static long WritePlain(string path, byte[] bytes, int items)
    {
        using FileStream file = new(path, FileMode.Create, FileAccess.Write);
        file.Write(bytes);
        file.Flush(flushToDisk: true);
        return items;
    }

    private static long Import(string target)
    {
        if (Directory.Exists(target))
        {
            Directory.Delete(target, recursive: true);
        }

        WordNetImportResult result = WordNetImporter.Import(WordNetImporter.DefaultDirectory, target);
        return result.SynsetCount > 0 ? 1 : throw new InvalidOperationException("nothing imported");
    }
}
