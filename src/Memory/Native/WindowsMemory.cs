using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace DimensionStore.Memory.Native;

/// <summary>The primitives on Windows 10 or later. Pre- and postconditions are those of <see cref="VirtualMemory"/>.</summary>
[SupportedOSPlatform("windows")]
internal static partial class WindowsMemory
{
    private const uint MemCommit = 0x1000;
    private const uint MemReserve = 0x2000;
    private const uint MemDecommit = 0x4000;
    private const uint MemRelease = 0x8000;
    private const uint MemReset = 0x80000;
    private const uint PageNoAccess = 1;
    private const uint PageReadOnly = 2;
    private const uint PageReadWrite = 4;
    private const nint CurrentProcess = -1;

    internal static nint Reserve(nuint size)
    {
        nint address = Allocate(0, size, MemReserve, PageNoAccess);
        return address == 0 ? throw VirtualMemory.Refused(0, size) : address;
    }

    internal static void Commit(nint address, nuint size)
    {
        if (Allocate(address, size, MemCommit, PageReadWrite) == 0)
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    internal static void Decommit(nint address, nuint size)
    {
        if (Free(address, size, MemDecommit) == 0)
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    internal static void Release(nint address, nuint size)
    {
        // The system wants 0 here: it remembers the reservation's size itself.
        if (Free(address, 0, MemRelease) == 0)
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    internal static void Protect(nint address, nuint size, PageAccess access)
    {
        uint protection = access switch { PageAccess.None => PageNoAccess, PageAccess.Read => PageReadOnly, _ => PageReadWrite };
        if (Protect(address, size, protection, out _) == 0)
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    internal static long HugePageSize() => (long)LargePageMinimum();

    /// <remarks>MEM_RESET: the contents may go, the pages stay committed.</remarks>
    internal static void Discard(nint address, nuint size)
    {
        if (Allocate(address, size, MemReset, PageReadWrite) == 0)
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    internal static void Lock(nint address, nuint size)
    {
        if (LockPages(address, size) == 0)
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    internal static void Unlock(nint address, nuint size)
    {
        if (UnlockPages(address, size) == 0)
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    /// <remarks>Windows can be told to read ahead; the other hints it takes when a file is opened, not on a mapping.</remarks>
    internal static bool Advise(nint address, nuint size, AccessAdvice advice)
    {
        if (advice == AccessAdvice.Normal)
        {
            return true;
        }

        MemoryRange range = new() { Address = address, Size = size };
        return advice == AccessAdvice.WillNeed && Prefetch(CurrentProcess, 1, in range, 0) != 0;
    }

    internal static unsafe long ResidentBytes(nint address, nuint size)
    {
        const int PagesPerCall = 256;
        WorkingSetPage* pages = stackalloc WorkingSetPage[PagesPerCall];
        nint pageSize = VirtualMemory.PageSize;
        long resident = 0;
        for (nint at = address, end = address + (nint)size; at < end;)
        {
            int count = (int)nint.Min(PagesPerCall, (end - at) / pageSize);
            for (int i = 0; i < count; i++)
            {
                pages[i] = new WorkingSetPage { Address = at + (i * pageSize), Attributes = 0 };
            }

            if (QueryWorkingSet(CurrentProcess, pages, (uint)(count * sizeof(WorkingSetPage))) == 0)
            {
                throw VirtualMemory.Refused(address, size);
            }

            for (int i = 0; i < count; i++)
            {
                resident += (pages[i].Attributes & 1) == 0 ? 0 : pageSize;
            }

            at += count * pageSize;
        }

        return resident;
    }

    [LibraryImport("kernel32", EntryPoint = "VirtualAlloc", SetLastError = true)]
    private static partial nint Allocate(nint address, nuint size, uint type, uint protection);

    [LibraryImport("kernel32", EntryPoint = "VirtualFree", SetLastError = true)]
    private static partial int Free(nint address, nuint size, uint type);

    [LibraryImport("kernel32", EntryPoint = "VirtualProtect", SetLastError = true)]
    private static partial int Protect(nint address, nuint size, uint protection, out uint previous);

    [LibraryImport("kernel32", EntryPoint = "VirtualLock", SetLastError = true)]
    private static partial int LockPages(nint address, nuint size);

    [LibraryImport("kernel32", EntryPoint = "VirtualUnlock", SetLastError = true)]
    private static partial int UnlockPages(nint address, nuint size);

    [LibraryImport("kernel32", EntryPoint = "GetLargePageMinimum")]
    private static partial nuint LargePageMinimum();

    [LibraryImport("kernel32", EntryPoint = "PrefetchVirtualMemory", SetLastError = true)]
    private static partial int Prefetch(nint process, nuint count, in MemoryRange ranges, uint flags);

    [LibraryImport("kernel32", EntryPoint = "K32QueryWorkingSetEx", SetLastError = true)]
    private static unsafe partial int QueryWorkingSet(nint process, WorkingSetPage* pages, uint bytes);

    private struct WorkingSetPage
    {
        internal nint Address;
        internal nuint Attributes;
    }

    private struct MemoryRange
    {
        internal nint Address;
        internal nuint Size;
    }
}
