using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>Where a writer's buffers go when memory is full: files without a name beside the file that is being written.</summary>
internal sealed class ScratchSpace(FileOperations files, string directory, string targetName)
{
    /// <summary>The operations that read and write these files.</summary>
    public FileOperations Files { get; } = files;

    /// <summary>Creates an empty scratch file. Nothing is left of it once the handle is closed, or the process killed.</summary>
    public SafeFileHandle Create() => Files.CreateScratch(directory, targetName);
}
