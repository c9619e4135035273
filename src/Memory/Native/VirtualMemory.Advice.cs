namespace DimensionStore.Memory.Native;

/// <content>What may be said and asked about pages without changing what is in them: all of it advice and answers, nothing that a program depends on.</content>
public static partial class VirtualMemory
{
    /// <summary>Tells the operating system how a mapped range will be used. A hint: false where it is not supported.</summary>
    /// <remarks>
    /// Before: the range is committed or mapped. It need not start on a page: the pages it touches are meant.
    /// After: contents and access are unchanged.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The range wraps around or <paramref name="advice"/> is unknown.</exception>
    public static bool Advise(nint address, nuint size, AccessAdvice advice)
    {
        if (advice is < AccessAdvice.Normal or > AccessAdvice.WillNeed)
        {
            throw new ArgumentOutOfRangeException(nameof(advice), advice, "Expected Normal, Random, Sequential or WillNeed.");
        }

        if (size == 0)
        {
            return true;
        }

        WidenToPages(ref address, ref size);
        return OperatingSystem.IsLinux() ? LinuxMemory.Advise(address, size, advice)
            : OperatingSystem.IsMacOS() ? MacMemory.Advise(address, size, advice)
            : OperatingSystem.IsWindows() && WindowsMemory.Advise(address, size, advice);
    }

    /// <summary>Bytes in a huge page of the system's default size, or 0 where it has none or does not say.</summary>
    /// <remarks>Linux: what transparent huge pages use. macOS: 0. Windows: the large-page minimum.</remarks>
    public static long HugePageSize { get; } = OperatingSystem.IsLinux() ? LinuxMemory.HugePageSize()
        : OperatingSystem.IsWindows() ? WindowsMemory.HugePageSize()
        : 0;

    /// <summary>Asks for huge pages behind a range, so that large blocks need fewer entries in the processor's translation table. A hint.</summary>
    /// <remarks>
    /// Before: the range lies in one reservation of <see cref="Reserve"/>. It need not start on a page: the pages it touches are meant.
    /// After: contents and access are unchanged; whole huge pages of the range that are touched from now on may be resident as one.
    /// </remarks>
    /// <returns><see cref="HugePageResult.NotSupported"/> where the system gives huge pages in another way (Windows: a privilege and a commit of its own) or not at all.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The size is zero or the range wraps around.</exception>
    public static HugePageResult AdviseHugePages(nint address, nuint size)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        WidenToPages(ref address, ref size);
        return OperatingSystem.IsLinux() ? LinuxMemory.AdviseHugePages(address, size) : HugePageResult.NotSupported;
    }

    /// <summary>
    /// Faults in every page of a mapped range for reading and answers false when a page has no file behind it any more,
    /// where touching it would kill the process. True without a check where the operating system has no such call.
    /// </summary>
    /// <remarks>
    /// Before: the range is mapped and readable. It need not start on a page.
    /// After, when true on Linux 5.14 or later: every page was backed at the time of the call. It holds nobody off from shrinking the file later.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException">The range wraps around.</exception>
    /// <exception cref="VirtualMemoryException">The range is not mapped, or memory ran out while it was being read.</exception>
    public static bool TryPopulateRead(nint address, nuint size)
    {
        if (size == 0)
        {
            return true;
        }

        WidenToPages(ref address, ref size);
        return !OperatingSystem.IsLinux() || LinuxMemory.TryPopulateRead(address, size);
    }

    /// <summary>Bytes of a range that are in main memory now, by whole pages.</summary>
    /// <remarks>
    /// Before: the range lies in one reservation or mapping. It need not start on a page: the pages it touches are meant. Pages that are not committed count as absent.
    /// After: nothing is changed. The answer is as old as the call: the system may take pages at any time, and other threads may touch some.
    /// </remarks>
    /// <returns>The bytes, or null where the system does not tell.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The range wraps around.</exception>
    /// <exception cref="VirtualMemoryException">The range is not mapped.</exception>
    public static long? ResidentBytes(nint address, nuint size)
    {
        if (size == 0)
        {
            return 0;
        }

        WidenToPages(ref address, ref size);
        return OperatingSystem.IsLinux() ? LinuxMemory.ResidentBytes(address, size)
            : OperatingSystem.IsMacOS() ? MacMemory.ResidentBytes(address, size)
            : OperatingSystem.IsWindows() ? WindowsMemory.ResidentBytes(address, size)
            : null;
    }
}
