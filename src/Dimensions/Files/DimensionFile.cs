using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>Inspects and verifies dimension files without mapping them.</summary>
public static class DimensionFile
{
    /// <summary>Reads header and metadata, checked.</summary>
    /// <exception cref="DimensionFormatException">A rule of the format is broken.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static DimensionDescriptor ReadDescriptor(string path)
    {
        using SafeFileHandle file = FileHead.Open(path);
        return FileHead.Read(file, path);
    }

    /// <summary>Checks everything: header, metadata, checksums of every layer and of the index, the index's own structure, padding, the seal. Reads through the file, never through a mapping.</summary>
    /// <returns>What was checked; <see cref="VerificationResult.Error"/> is null when all is well.</returns>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static VerificationResult Verify(string path, CancellationToken cancellationToken = default) => throw new NotImplementedException();
}
