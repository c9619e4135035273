namespace DimensionStore.Memory.Native;

/// <content>What Linux limits and other systems do not: how many mappings a process has.</content>
public static partial class VirtualMemory
{
    /// <summary>Whether the process has so many mappings that no more should be made for anything one can do without, such as guard pages. Linux only: elsewhere they are not limited.</summary>
    internal static bool IsShortOfMappings => OperatingSystem.IsLinux() && LinuxMappings.IsCrowded;

    /// <summary><see cref="Decommit"/> after which an access faults whatever the number of mappings: for pages between inaccessible ones, which become one mapping with them.</summary>
    /// <exception cref="VirtualMemoryException">The operating system refused.</exception>
    internal static void MakeInaccessible(nint address, nuint size)
    {
        if (OperatingSystem.IsLinux())
        {
            LinuxMemory.MakeInaccessible(address, WholePages(address, size));
        }
        else
        {
            Decommit(address, size);
        }
    }

    /// <summary>
    /// <see cref="Commit"/> of a part of a larger range whose other pages nobody relies upon to fault. Where the process is short of mappings, pages around it become accessible too, so that
    /// the parts of the range become one mapping again instead of one more: this costs no memory, and is no commit of those pages for whoever counts.
    /// </summary>
    /// <param name="address">First page.</param>
    /// <param name="size">How much.</param>
    /// <param name="first">First page of the range around.</param>
    /// <param name="most">Bytes of the range around.</param>
    /// <exception cref="VirtualMemoryException">The operating system refused.</exception>
    internal static void CommitWithin(nint address, nuint size, nint first, nuint most)
    {
        if (!OperatingSystem.IsLinux())
        {
            Commit(address, size);
            return;
        }

        size = WholePages(address, size);
        NativeFaults.OnCommit(address, size);
        LinuxMemory.CommitWithin(address, size, first, most);
    }
}
