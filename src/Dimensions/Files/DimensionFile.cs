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
    /// <exception cref="CodecUnavailableException">A layer's codec needs a library of the system that is not installed.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static VerificationResult Verify(string path, CancellationToken cancellationToken = default)
    {
        using SafeFileHandle file = FileHead.Open(path);
        DimensionDescriptor descriptor;
        try
        {
            descriptor = FileHead.Read(file, path);
        }
        catch (DimensionFormatException error)
        {
            return new VerificationResult(path, null, error, 0, []);
        }

        FileImageSource source = new(file, path, descriptor.TotalSize);
        ImageVerifier verifier = new(descriptor, source, path);
        DimensionFormatException? broken = null;
        try
        {
            verifier.Run(cancellationToken);
        }
        catch (DimensionFormatException error)
        {
            broken = error;
        }

        // Compressed layers and the index are read twice; what counts is how much of the file has been looked at.
        long read = Math.Max(source.BytesRead, DimensionFormat.HeaderBytes + descriptor.MetadataLength);
        return new VerificationResult(path, descriptor, broken, Math.Min(read, descriptor.TotalSize), verifier.Checks);
    }
}
