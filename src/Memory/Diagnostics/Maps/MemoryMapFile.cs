using System.Security.Cryptography;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>A <see cref="MemoryMap"/> as a file: SVG or HTML by its extension. The file comes to be under its name whole or not at all.</summary>
public static class MemoryMapFile
{
    /// <summary>The extensions that can be written, with their dots.</summary>
    public static IReadOnlyList<string> Extensions { get; } = Array.AsReadOnly([".svg", ".html", ".htm"]);

    /// <summary>Refuses what <see cref="Write"/> would refuse, before any work is done for it.</summary>
    /// <inheritdoc cref="Write" path="/param|/exception"/>
    /// <returns>The full path.</returns>
    public static string Check(string path, bool overwrite)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Path.GetFullPath(path);
        string extension = Path.GetExtension(full);
        if (!Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase))
        {
            throw new ArgumentException($"{path} is not the name of a map: it must end in {string.Join(", ", Extensions)}.", nameof(path));
        }

        if (Directory.Exists(full))
        {
            throw new IOException($"{path} is a directory; give the name of a file in it.");
        }

        if (!Directory.Exists(Path.GetDirectoryName(full)))
        {
            throw new DirectoryNotFoundException($"{path} cannot be written: there is no directory {Path.GetDirectoryName(full)}; create it first.");
        }

        if (SpecialFiles.IsSpecial(full))
        {
            throw new IOException($"{path} is a pipe, a socket or a device and is never replaced; give the name of a file.");
        }

        return !overwrite && Path.Exists(full) ? throw new MemoryMapFileExistsException(full) : full;
    }

    /// <summary>Writes a map.</summary>
    /// <param name="map">The map.</param>
    /// <param name="path">A name that ends in one of <see cref="Extensions"/>.</param>
    /// <param name="overwrite">Whether a file of that name may be replaced.</param>
    /// <returns>The full path.</returns>
    /// <exception cref="ArgumentException">Another extension.</exception>
    /// <exception cref="MemoryMapFileExistsException">There is a file and <paramref name="overwrite"/> is false.</exception>
    /// <exception cref="IOException">The directory is missing or refuses, or the path is a directory, a pipe or a device.</exception>
    /// <exception cref="UnauthorizedAccessException">No permission to write there.</exception>
    public static string Write(MemoryMap map, string path, bool overwrite = false)
    {
        ArgumentNullException.ThrowIfNull(map);
        string full = Check(path, overwrite);
        string directory = Path.GetDirectoryName(full)!;
        string temporary = Path.Combine(directory, $".map{Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}.tmp");
        try
        {
            using (FileStream file = new(temporary, FileMode.CreateNew, FileAccess.Write))
            {
                if (Path.GetExtension(full).Equals(".svg", StringComparison.OrdinalIgnoreCase))
                {
                    MemoryMapDocument.WriteSvg(map, file);
                }
                else
                {
                    MemoryMapDocument.WriteHtml(map, file);
                }

                file.Flush(flushToDisk: true);
            }

            if (overwrite)
            {
                File.Move(temporary, full, overwrite: true);
            }
            else if (!DurableFiles.TryMoveNew(temporary, full))
            {
                throw new MemoryMapFileExistsException(full);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException && e.Message.Contains(temporary, StringComparison.Ordinal))
        {
            // Nobody has heard of the name that the system complains about.
            string message = $"{path} cannot be written: {e.Message.Replace(temporary, full, StringComparison.Ordinal)}";
            throw e is IOException ? new IOException(message, e) : new UnauthorizedAccessException(message, e);
        }
        finally
        {
            // Gone already where the renaming worked.
            File.Delete(temporary);
        }

        VirtualMemory.FlushDirectory(directory);
        return full;
    }
}
