using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace DimensionStore.Memory.Native;

/// <summary>The primitives on Linux (kernel 4.14 or later, x64 and arm64). Pre- and postconditions are those of <see cref="VirtualMemory"/>.</summary>
[SupportedOSPlatform("linux")]
internal static partial class LinuxMemory
{
    private const int MapAnonymous = 0x20;
    private const int MapNoReserve = 0x4000;
    private const int ReservationFlags = UnixMemory.MapPrivate | MapAnonymous | MapNoReserve;
    private const int MadvDontNeed = 4;
    private const int MadvHugePage = 14;
    private const int MadvPopulateRead = 22;
    private const int MoveToFixed = 1 | 2; // MREMAP_MAYMOVE | MREMAP_FIXED
    private const int MoveDontUnmap = 4; // since kernel 5.7
    private const int OpenReadOnlyCloseOnExec = 0x80000;
    private const int ErrorNoMemory = 12; // Also: no mapping left.
    private const int ErrorBadAddress = 14;
    private const int ErrorNotSupported = 95;

    // A change to a part of a mapping leaves what is before it, what is behind it, and itself.
    private const int MadeByDividing = 2;

    // Wide enough to make one mapping of hundreds, narrow enough to take microseconds for each that it meets.
    private const nint CommitWindow = 16 << 20;

    internal static nint Reserve(nuint size)
    {
        LinuxMappings.Note(1);
        return UnixMemory.Reserve(size, ReservationFlags);
    }

    internal static void Commit(nint address, nuint size)
    {
        if (!LinuxMappings.TryTakeNeeded(MadeByDividing))
        {
            throw new VirtualMemoryException(nameof(Commit), address, size, ErrorNoMemory, $"refused in its place, because the process is close to the {LinuxMappings.Most:N0} memory mappings it may have; release reservations, or raise vm.max_map_count");
        }

        UnixMemory.Commit(address, size);
    }

    internal static void CommitWithin(nint address, nuint size, nint first, nuint most)
    {
        if (LinuxMappings.TryTake(MadeByDividing))
        {
            UnixMemory.Commit(address, size);
            return;
        }

        nint start = nint.Max(first, address & ~(CommitWindow - 1));
        nint end = nint.Min(first + (nint)most, (address + (nint)size + CommitWindow - 1) & ~(CommitWindow - 1));
        LinuxMappings.Note(MadeByDividing);
        if (!UnixMemory.TryCommit(start, (nuint)(end - start)))
        {
            Commit(address, size);
        }
    }

    internal static void Decommit(nint address, nuint size)
    {
        // What the kernel does not discard, locked pages for one, has to be mapped anew.
        if (!LinuxMappings.TryTake(MadeByDividing) && UnixMemory.TryAdvise(address, size, MadvDontNeed))
        {
            return;
        }

        if (!UnixMemory.TryDecommit(address, size, ReservationFlags))
        {
            VirtualMemoryException refused = VirtualMemory.Refused(address, size);
            if (refused.ErrorCode != ErrorNoMemory || !UnixMemory.TryAdvise(address, size, MadvDontNeed))
            {
                throw refused;
            }
        }
    }

    internal static void MakeInaccessible(nint address, nuint size)
    {
        LinuxMappings.Note(MadeByDividing);
        if (!UnixMemory.TryDecommit(address, size, ReservationFlags))
        {
            throw VirtualMemory.Refused(address, size, nameof(Decommit));
        }
    }

    internal static void Release(nint address, nuint size)
    {
        UnixMemory.Release(address, size);
        LinuxMappings.NoteRelease();
    }

    internal static void Protect(nint address, nuint size, PageAccess access)
    {
        LinuxMappings.Note(MadeByDividing);
        UnixMemory.Protect(address, size, access);
    }

    internal static bool Advise(nint address, nuint size, AccessAdvice advice)
        => UnixMemory.TryAdvise(address, size, (int)advice); // MADV_NORMAL, _RANDOM, _SEQUENTIAL and _WILLNEED are 0 to 3, as in the enum.

    internal static long HugePageSize()
    {
        // The file is missing in kernels without transparent huge pages, and may be hidden from a container.
        try
        {
            return long.TryParse(File.ReadAllText("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size"), NumberStyles.None | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out long bytes) ? bytes : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }

    internal static HugePageResult AdviseHugePages(nint address, nuint size)
    {
        LinuxMappings.Note(MadeByDividing);
        return UnixMemory.TryAdvise(address, size, MadvHugePage) ? HugePageResult.Advised
            : Marshal.GetLastPInvokeError() == UnixMemory.ErrorInvalid ? HugePageResult.NotSupported // A kernel without them does not know the call.
            : HugePageResult.Refused;
    }

    internal static void Discard(nint address, nuint size)
    {
        if (!UnixMemory.TryAdvise(address, size, MadvDontNeed))
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    // What was moved stays a mapping of its own next to others, so where many are it is left to the caller to copy.
    internal static bool TryMovePages(nint from, nint to, nuint size) =>
        LinuxMappings.TryTake(2 * MadeByDividing) && Remap(from, size, size, MoveToFixed | MoveDontUnmap, to) == to;

    internal static void Lock(nint address, nuint size)
    {
        LinuxMappings.Note(MadeByDividing);
        UnixMemory.Lock(address, size);
    }

    internal static void Unlock(nint address, nuint size)
    {
        LinuxMappings.Note(MadeByDividing);
        UnixMemory.Unlock(address, size);
    }

    internal static bool TryPopulateRead(nint address, nuint size)
    {
        while (!UnixMemory.TryAdvise(address, size, MadvPopulateRead))
        {
            switch (Marshal.GetLastPInvokeError())
            {
                case UnixMemory.ErrorInterrupted:
                    continue;
                case ErrorBadAddress:
                    return false;
                case UnixMemory.ErrorInvalid:
                    return true; // A kernel before 5.14 does not know the call.
                default:
                    throw VirtualMemory.Refused(address, size);
            }
        }

        return true;
    }

    internal static long ResidentBytes(nint address, nuint size) => UnixMemory.ResidentBytes(address, size);

    internal static bool FlushDirectory(string path) => UnixMemory.FlushDirectory(path, OpenReadOnlyCloseOnExec, ErrorNotSupported);

    // mremap is variadic; on x64 and on arm64 under Linux a fifth argument is passed as if it were named.
    [LibraryImport("libc", EntryPoint = "mremap", SetLastError = true)]
    private static partial nint Remap(nint from, nuint size, nuint newSize, int flags, nint to);
}
