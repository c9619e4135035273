using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory.Native;

/// <summary>Tells pipes, sockets and devices from files before they are opened or replaced; .NET has no call that does.</summary>
internal static partial class SpecialFiles
{
    private const int CurrentDirectory = -100;
    private const uint TypeOnly = 1;

    // The same on every processor, unlike what stat fills, which is why this asks statx.
    private const int RecordBytes = 256;
    private const int ModeOffset = 28;
    private const int TypeMask = 0xF000;
    private const int Directory = 0x4000;
    private const int Regular = 0x8000;

    /// <summary>Whether a name stands for a pipe, a socket or a device. Nothing is opened.</summary>
    /// <param name="path">The name; a link is judged by what it leads to.</param>
    /// <returns>False for a name that is free, for one that cannot be looked at, and where the operating system lacks the call.</returns>
    public static bool IsSpecial(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        Span<byte> record = stackalloc byte[RecordBytes];
        try
        {
            if (StatX(CurrentDirectory, path, 0, TypeOnly, ref MemoryMarshal.GetReference(record)) != 0)
            {
                return false;
            }
        }
        catch (EntryPointNotFoundException)
        {
            // A C library from before 2018: the caller does without the early refusal.
            return false;
        }

        return (BinaryPrimitives.ReadUInt16LittleEndian(record[ModeOffset..]) & TypeMask) is not (Regular or Directory);
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatX(int directory, string path, int flags, uint mask, ref byte record);
}
