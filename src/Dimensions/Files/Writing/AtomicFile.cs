using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>
/// A file that comes to be under its name whole or not at all: written under a temporary name in the same directory, flushed, renamed,
/// and the directory flushed. Also the rule which existing files may be replaced.
/// </summary>
internal sealed class AtomicFile : IDisposable
{
    private readonly FileOperations _files;
    private readonly DimensionId _id;
    private readonly bool _overwrite;
    private readonly string _temporaryPath;
    private readonly SafeFileHandle _handle;
    private bool _renamed;
    private bool _disposed;

    /// <summary>Begins a file: refuses at once what could not be finished, and clears away what killed writers left in the directory.</summary>
    /// <exception cref="DimensionFileExistsException">There is a file and <paramref name="overwrite"/> is false.</exception>
    /// <exception cref="ImmutableDimensionException">There is a file of an immutable dimension, or a sealed one, or the dimension is immutable.</exception>
    /// <exception cref="IOException">The directory is missing or refuses, or the path is a directory, a pipe or a device.</exception>
    /// <exception cref="UnauthorizedAccessException">No permission to write there.</exception>
    public AtomicFile(FileOperations files, string path, DimensionId id, bool overwrite)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _files = files;
        _id = id;
        _overwrite = overwrite;
        FilePath = Path.GetFullPath(path);
        string name = Path.GetFileName(FilePath);
        if (name.Length == 0 || Directory.Exists(FilePath))
        {
            throw new IOException($"{path} is a directory; give the name of a file in it.");
        }

        DirectoryPath = Path.GetDirectoryName(FilePath)!;
        if (!Directory.Exists(DirectoryPath))
        {
            throw new DirectoryNotFoundException($"{path} cannot be written: there is no directory {DirectoryPath}; create it first.");
        }

        ThrowIfKept();
        RemoveLeftovers();
        try
        {
            _handle = _files.CreateTemporary(DirectoryPath, name, out _temporaryPath);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new UnauthorizedAccessException($"{path} cannot be written: no permission to create files in {DirectoryPath}.", e);
        }
    }

    /// <summary>The file's full path.</summary>
    public string FilePath { get; }

    /// <summary>The directory it is in.</summary>
    public string DirectoryPath { get; }

    /// <summary>What is written to.</summary>
    public SafeFileHandle Handle => _handle;

    /// <summary>Waits until the file's bytes are on the disk. To be called before <see cref="Commit"/>.</summary>
    public void Flush() => _files.Flush(_handle);

    /// <summary>Gives the file its name.</summary>
    public void Commit() => CommitAll([this]);

    /// <summary>
    /// Gives several files, flushed already, their names: nothing but the renames happens between the first and the last, so that the time is short in which some are new and
    /// others old. A process killed in it, or an error of a rename, leaves each file whole, the first ones new and the others as they were.
    /// </summary>
    public static void CommitAll(ReadOnlySpan<AtomicFile> files)
    {
        // Again, because others may have been here since the beginning; for all before the first, so that a refusal leaves nothing half done.
        foreach (AtomicFile file in files)
        {
            file.ThrowIfKept();
        }

        try
        {
            foreach (AtomicFile file in files)
            {
                file.Rename();
            }
        }
        finally
        {
            FlushDirectories(files);
        }
    }

    /// <summary>Removes the temporary file unless it became the real one.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        try
        {
            if (!_renamed)
            {
                // While it is still locked: between unlocking and deleting another writer's cleaning could otherwise come first, harmlessly but confusingly.
                _files.Delete(_temporaryPath);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nothing is lost by a leftover: the next writer in this directory removes it. An error here would hide the one that led here.
        }
        finally
        {
            _handle.Dispose();
        }
    }

    private static void FlushDirectories(ReadOnlySpan<AtomicFile> files)
    {
        string? flushed = null;
        foreach (AtomicFile file in files)
        {
            if (file._renamed)
            {
                file._handle.Dispose();
                if (file.DirectoryPath != flushed)
                {
                    file._files.FlushDirectory(file.DirectoryPath);
                    flushed = file.DirectoryPath;
                }
            }
        }
    }

    private void Rename()
    {
        if (_overwrite && !_id.IsImmutable)
        {
            _files.Replace(_temporaryPath, FilePath);
        }
        else if (!_files.TryMoveNew(_temporaryPath, FilePath))
        {
            ThrowIfKept();
            throw new DimensionFileExistsException(FilePath);
        }

        _renamed = true;
    }

    private void RemoveLeftovers()
    {
        try
        {
            _files.RemoveLeftovers(DirectoryPath);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A directory that one may write to but not list is no reason to write nothing: clearing away is a courtesy to it.
        }
    }

    /// <summary>Why a file that is there must stay: a <see cref="DimensionFileExistsException"/> or an <see cref="ImmutableDimensionException"/>. Null when nothing is there or it may be replaced.</summary>
    public static DimensionStoreException? ReasonToKeep(FileOperations files, string path, DimensionId id, bool overwrite)
    {
        using SafeFileHandle? existing = files.OpenExisting(path);
        if (existing is null)
        {
            return null;
        }

        if (id.IsImmutable)
        {
            return new ImmutableDimensionException(id, "overwritten", path);
        }

        Span<byte> header = stackalloc byte[DimensionFormat.HeaderBytes];
        int n = files.Read(existing, header, 0);
        if (ImmutableMark.IsOn(header[..n], out DimensionId found))
        {
            return new ImmutableDimensionException(found, "overwritten", path);
        }

        return overwrite ? null : new DimensionFileExistsException(path);
    }

    private void ThrowIfKept()
    {
        if (ReasonToKeep(_files, FilePath, _id, _overwrite) is DimensionStoreException reason)
        {
            throw reason;
        }
    }
}
