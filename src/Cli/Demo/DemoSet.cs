namespace DimensionStore.Cli.Demo;

/// <summary>One directory of files.</summary>
/// <param name="Directory">The directory.</param>
/// <param name="Files">Its files, made or kept.</param>
/// <param name="BuildTime">Making or verifying them.</param>
/// <param name="OpenTime">Opening them as a store.</param>
/// <param name="Stats">The store's statistics after the searches.</param>
internal sealed record DemoSet(string Directory, IReadOnlyList<GeneratedFile> Files, TimeSpan BuildTime, DemoTime OpenTime, MemoryStats Stats)
{
    /// <summary>Whether nothing had to be made.</summary>
    public bool WasKept => Files.All(file => file.WasKept);
}
