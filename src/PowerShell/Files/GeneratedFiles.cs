namespace DimensionStore.PowerShell;

/// <summary>Shows files that the library made in bulk as the same objects that Get-DimensionFile gives.</summary>
internal static class GeneratedFiles
{
    public static DimensionFileInfo Describe(GeneratedFile file) =>
        new(file.FilePath, DimensionFile.ReadDescriptor(file.FilePath), file.WasKept ? null : file.EntryCount, file.WasKept);
}
