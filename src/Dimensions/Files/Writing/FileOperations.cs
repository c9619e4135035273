using System.Buffers;
using System.Security.Cryptography;
using DimensionStore.Memory.Native;
using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>
/// Every call a writer makes to the file system, and nothing else: the one place where tests let the n-th call fail.
/// Errors are the runtime's own (<see cref="IOException"/>, <see cref="UnauthorizedAccessException"/>).
/// </summary>
internal class FileOperations
{
    /// <summary>Marks the names of this library's temporary files, so that cleaning up never takes somebody else's.</summary>
    private const string Mark = ".ds";
    private const string Suffix = ".tmp";
    private const int RandomDigits = 16;
    private const int LongestNamePart = 48;
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>The real file system.</summary>
    public static FileOperations Default { get; } = new();

    // A shared lock, not FileShare.None. On Unix .NET turns FileShare into flock: an exclusive lock would travel with the file
    // through the rename and refuse readers until the handle is closed, and closing before the rename would leave the file unlocked
    // where another writer's cleaning could take it. A shared lock keeps cleaning out (it asks for the exclusive one) and readers in.
    // On Windows sharing deletion is what lets an open file be renamed.
    private const FileShare WhileWriting = FileShare.Read | FileShare.Delete;

    /// <summary>Creates the temporary file that will become <paramref name="targetName"/>.</summary>
    public virtual SafeFileHandle CreateTemporary(string directory, string targetName, out string temporaryPath)
    {
        for (int attempt = 0; ; attempt++)
        {
            temporaryPath = Path.Combine(directory, TemporaryName(targetName));
            try
            {
                SafeFileHandle handle = File.OpenHandle(temporaryPath, FileMode.CreateNew, FileAccess.ReadWrite, WhileWriting);
                if (File.Exists(temporaryPath))
                {
                    return handle;
                }

                // Creating and locking are two steps. Another writer's cleaning came between them, took the file and is gone again,
                // so the lock was granted on a file without a name. With the lock held the name is safe: looking once is enough.
                handle.Dispose();
            }
            catch (IOException) when (attempt < 8 && Directory.Exists(directory))
            {
                // The same, but the cleaning still held its lock.
            }
        }
    }

    /// <summary>Creates a file that vanishes with its handle.</summary>
    public virtual SafeFileHandle CreateScratch(string directory, string targetName)
    {
        SafeFileHandle handle = CreateTemporary(directory, targetName, out string path);
        if (OperatingSystem.IsWindows())
        {
            // An open file keeps its name there; opening it again with deletion on close gives the same guarantee.
            handle.Dispose();
            return File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, WhileWriting, FileOptions.DeleteOnClose);
        }

        try
        {
            File.Delete(path);
            return handle;
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Opens an existing file for reading, or null when there is none.</summary>
    /// <exception cref="IOException">It is a pipe, a socket or a device, or cannot be opened.</exception>
    public virtual SafeFileHandle? OpenExisting(string path)
    {
        if (SpecialFiles.IsSpecial(path))
        {
            // Opening a pipe would wait for its writer, and a rename over /dev/null would take it from every process of the machine.
            throw new IOException($"{path} is a pipe, a socket or a device and is never replaced; give the name of a file.");
        }

        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Writes all bytes at an offset.</summary>
    public virtual void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset) => RandomAccess.Write(file, bytes, offset);

    /// <summary>Reads up to the destination's length; fewer only at the end of the file.</summary>
    public virtual int Read(SafeFileHandle file, Span<byte> destination, long offset)
    {
        int total = 0;
        while (total < destination.Length)
        {
            int n = RandomAccess.Read(file, destination[total..], offset + total);
            if (n == 0)
            {
                break;
            }

            total += n;
        }

        return total;
    }

    /// <summary>Reads exactly the destination's length.</summary>
    public void ReadExactly(SafeFileHandle file, Span<byte> destination, long offset)
    {
        if (Read(file, destination, offset) != destination.Length)
        {
            throw new EndOfStreamException("A file being written ended before the bytes that were written to it; something else shortened it.");
        }
    }

    /// <summary>Waits until the file is on the disk.</summary>
    public virtual void Flush(SafeFileHandle file) => RandomAccess.FlushToDisk(file);

    /// <summary>Renames over whatever is there, at once. The new file gets the old one's permissions, which somebody may have narrowed.</summary>
    public virtual void Replace(string temporaryPath, string path)
    {
        if (!OperatingSystem.IsWindows() && File.Exists(path))
        {
            File.SetUnixFileMode(temporaryPath, File.GetUnixFileMode(path));
        }

        File.Move(temporaryPath, path, overwrite: true);
    }

    /// <summary>Renames unless something is there; false when something is.</summary>
    public virtual bool TryMoveNew(string temporaryPath, string path) => DurableFiles.TryMoveNew(temporaryPath, path);

    /// <summary>Waits until the directory's own entries are on the disk.</summary>
    public virtual void FlushDirectory(string directory) => VirtualMemory.FlushDirectory(directory);

    /// <summary>Deletes a file; not being there is no error.</summary>
    public virtual void Delete(string path) => File.Delete(path);

    /// <summary>Removes temporary files in a directory that no living writer holds.</summary>
    public virtual void RemoveLeftovers(string directory)
    {
        foreach (string path in Directory.EnumerateFiles(directory, $".*{Mark}*{Suffix}"))
        {
            if (!IsTemporaryName(Path.GetFileName(path.AsSpan())))
            {
                continue;
            }

            try
            {
                using SafeFileHandle unlocked = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None);
                File.Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Locked: its writer lives. Gone: another writer was quicker. Not ours to delete: then it is not ours to complain about either.
            }
        }
    }

    /// <summary>Whether a file name is one of <see cref="CreateTemporary"/>.</summary>
    internal static bool IsTemporaryName(ReadOnlySpan<char> name)
    {
        int tail = Mark.Length + RandomDigits + Suffix.Length;
        if (name.Length < tail + 2 || name[0] != '.' || !name.EndsWith(Suffix, StringComparison.Ordinal))
        {
            return false;
        }

        ReadOnlySpan<char> random = name[^tail..^Suffix.Length];
        return random.StartsWith(Mark, StringComparison.Ordinal) && !random[Mark.Length..].ContainsAnyExcept(HexDigits);
    }

    private static string TemporaryName(string targetName)
    {
        Span<byte> random = stackalloc byte[RandomDigits / 2];
        RandomNumberGenerator.Fill(random);
        // Names near the file system's limit are cut, since the marks must fit too; the name is there for people only.
        string part = targetName.Length <= LongestNamePart ? targetName : targetName[..LongestNamePart];
        return $".{part}{Mark}{Convert.ToHexStringLower(random)}{Suffix}";
    }
}
