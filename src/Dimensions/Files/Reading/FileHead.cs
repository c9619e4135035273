using System.Buffers;
using DimensionStore.Memory.Native;
using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>
/// Reads header and metadata from a file into private memory and checks them there. Never through a mapping: what was checked cannot
/// change afterwards, and a file that shrinks meanwhile gives an error, not a fault.
/// </summary>
internal static class FileHead
{
    /// <summary>One page: header and metadata of all but files with very many metadata keywords, in one read.</summary>
    private const int FirstRead = 4096;

    /// <summary>Opens a file for reading without hindering anybody who replaces it.</summary>
    /// <exception cref="IOException">The file cannot be opened, or is a directory, a pipe or a device.</exception>
    public static SafeFileHandle Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (SpecialFiles.IsSpecial(path))
        {
            // Opening a pipe would wait for whoever writes to it, for ever when nobody does.
            throw new IOException($"{path} is a pipe, a socket or a device; a dimension file was expected.");
        }

        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (UnauthorizedAccessException) when (Directory.Exists(path))
        {
            throw new IOException($"{path} is a directory; a dimension file was expected.");
        }
        catch (UnauthorizedAccessException e)
        {
            throw new UnauthorizedAccessException($"{path} cannot be read: no permission. Give this user the right to read it, or name another file.", e);
        }
        catch (FileNotFoundException e)
        {
            throw new FileNotFoundException(Missing(path), path, e);
        }
        catch (DirectoryNotFoundException e)
        {
            throw new DirectoryNotFoundException(Missing(path), e);
        }
    }

    /// <summary>Reads and checks header and metadata, and the first bytes of the index.</summary>
    /// <param name="file">The file.</param>
    /// <param name="path">Named in errors.</param>
    /// <exception cref="DimensionFormatException">A rule of the format is broken.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static DimensionDescriptor Read(SafeFileHandle file, string path)
    {
        long length;
        try
        {
            length = RandomAccess.GetLength(file);
        }
        catch (NotSupportedException e)
        {
            throw new IOException($"{path} has no length, as a pipe or terminal has none; a dimension file was expected.", e);
        }

        Span<byte> first = stackalloc byte[FirstRead];
        first = first[..(int)Math.Min(FirstRead, length)];
        ReadExactly(file, first, 0, length, path);
        return DimensionDescriptor.TryParse(first, length, path, out DimensionDescriptor? descriptor, out int needed)
            ? descriptor
            : ReadLong(file, path, length, needed);
    }

    /// <summary>Checks header and metadata of a private copy.</summary>
    /// <exception cref="DimensionFormatException">A rule of the format is broken.</exception>
    public static DimensionDescriptor Parse(PrivateImage image, string? path)
    {
        int length = (int)Math.Min(FirstRead, image.Length);
        DimensionDescriptor? descriptor;
        while (!DimensionDescriptor.TryParse(image.Slice(0, length), image.Length, path, out descriptor, out length))
        {
            // Asked again with as much as is needed.
        }

        return descriptor;
    }

    /// <summary>Reads a part of the file that must be there.</summary>
    /// <exception cref="DimensionFormatException">The file has become shorter.</exception>
    public static void ReadExactly(SafeFileHandle file, Span<byte> destination, long offset, long length, string path)
    {
        int total = 0;
        while (total < destination.Length)
        {
            int n = RandomAccess.Read(file, destination[total..], offset + total);
            if (n == 0)
            {
                throw new DimensionFormatException(DimensionFormatError.Truncated, offset + total, $"{length:N0} bytes, the file's length when it was opened", "the end of the file", path);
            }

            total += n;
        }
    }

    private static string Missing(string path) => $"{path} does not exist; name a dimension file that does.";

    private static DimensionDescriptor ReadLong(SafeFileHandle file, string path, long length, int needed)
    {
        while (true)
        {
            byte[] bytes = ArrayPool<byte>.Shared.Rent(needed);
            try
            {
                Span<byte> prefix = bytes.AsSpan(0, needed);
                ReadExactly(file, prefix, 0, length, path);
                if (DimensionDescriptor.TryParse(prefix, length, path, out DimensionDescriptor? descriptor, out needed))
                {
                    return descriptor;
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(bytes);
            }
        }
    }
}
