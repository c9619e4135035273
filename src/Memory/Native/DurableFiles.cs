using System.ComponentModel;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory.Native;

/// <summary>What .NET has no call for when a file must appear under its name at once, and only if the name is free.</summary>
internal static partial class DurableFiles
{
    private const int CurrentDirectory = -100;
    private const uint NoReplace = 1;
    private const uint Exclusive = 4;
    private const int NoSuchCall = 38;
    private const int FileExists = 17;
    private const int InvalidArgument = 22;
    private const int NotSupportedOnMac = 45;

    /// <summary>Renames a file unless the new name is taken. One step: no other process can come between the look and the rename.</summary>
    /// <returns>False when the name is taken.</returns>
    /// <exception cref="IOException">The operating system refused for another reason.</exception>
    public static bool TryMoveNew(string source, string destination)
    {
        if (!OperatingSystem.IsWindows() && TryMoveNewUnix(source, destination, out bool moved))
        {
            return moved;
        }

        // On Windows this is one step too; on a Unix file system that lacks the exclusive rename it is a look and then a rename.
        try
        {
            File.Move(source, destination, overwrite: false);
            return true;
        }
        catch (IOException) when (File.Exists(source) && Path.Exists(destination))
        {
            return false;
        }
    }

    private static bool TryMoveNewUnix(string source, string destination, out bool moved)
    {
        moved = false;
        int result;
        try
        {
            result = OperatingSystem.IsMacOS()
                ? RenameExclusive(source, destination, Exclusive)
                : RenameAt2(CurrentDirectory, source, CurrentDirectory, destination, NoReplace);
        }
        catch (EntryPointNotFoundException)
        {
            return false;
        }

        if (result == 0)
        {
            moved = true;
            return true;
        }

        return Marshal.GetLastPInvokeError() switch
        {
            FileExists => true,
            NoSuchCall or InvalidArgument or NotSupportedOnMac => false,
            _ => throw Failed("rename to " + destination, source),
        };
    }

    private static IOException Failed(string action, string path)
    {
        int error = Marshal.GetLastPInvokeError();
        return new IOException($"{path}: the operating system refused to {action}: {new Win32Exception(error).Message} (error {error}).");
    }

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameAt2(int oldDirectory, string oldPath, int newDirectory, string newPath, uint flags);

    [LibraryImport("libc", EntryPoint = "renamex_np", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int RenameExclusive(string oldPath, string newPath, uint flags);
}
