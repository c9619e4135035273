using System.Runtime.Versioning;

namespace DimensionStore.Memory.Native;

/// <summary>The primitives on macOS. Pre- and postconditions are those of <see cref="VirtualMemory"/>.</summary>
[SupportedOSPlatform("macos")]
internal static class MacMemory
{
    private const int MapNoReserve = 0x40;
    private const int MapAnonymous = 0x1000;
    private const int ReservationFlags = UnixMemory.MapPrivate | MapAnonymous | MapNoReserve;
    private const int MadvFree = 5;
    private const int OpenReadOnlyCloseOnExec = 0x1000000;
    private const int ErrorNotSupported = 45;

    internal static nint Reserve(nuint size) => UnixMemory.Reserve(size, ReservationFlags);

    internal static void Commit(nint address, nuint size) => UnixMemory.Commit(address, size);

    internal static void Decommit(nint address, nuint size)
    {
        if (!UnixMemory.TryDecommit(address, size, ReservationFlags))
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    internal static void Release(nint address, nuint size) => UnixMemory.Release(address, size);

    internal static void Protect(nint address, nuint size, PageAccess access) => UnixMemory.Protect(address, size, access);

    internal static bool Advise(nint address, nuint size, AccessAdvice advice)
        => UnixMemory.TryAdvise(address, size, (int)advice); // MADV_NORMAL, _RANDOM, _SEQUENTIAL and _WILLNEED are 0 to 3, as in the enum.

    internal static long ResidentBytes(nint address, nuint size) => UnixMemory.ResidentBytes(address, size);

    // MADV_DONTNEED only moves the pages to the inactive list there.
    internal static void Discard(nint address, nuint size)
    {
        if (!UnixMemory.TryAdvise(address, size, MadvFree))
        {
            throw VirtualMemory.Refused(address, size);
        }
    }

    internal static bool FlushDirectory(string path) => UnixMemory.FlushDirectory(path, OpenReadOnlyCloseOnExec, ErrorNotSupported);
}
