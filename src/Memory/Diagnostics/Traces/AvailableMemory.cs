using System.Globalization;

namespace DimensionStore.Memory;

/// <summary>How much main memory the process could still take.</summary>
internal static class AvailableMemory
{
    private const string LinuxFile = "/proc/meminfo";

    /// <summary>
    /// Bytes that the system can give without swapping, and no more than the runtime may use: the limit of a container, where there is one.
    /// </summary>
    internal static long Bytes()
    {
        GCMemoryInfo runtime = GC.GetGCMemoryInfo();
        long free = FromLinux() ?? runtime.TotalAvailableMemoryBytes - runtime.MemoryLoadBytes;
        return Math.Clamp(free, 0, Math.Max(0, runtime.TotalAvailableMemoryBytes));
    }

    /// <summary>The number of a line such as <c>MemAvailable:   123 kB</c>, in bytes; null where there is no such line.</summary>
    internal static long? Parse(IEnumerable<string> lines)
    {
        const string Name = "MemAvailable:";
        foreach (string line in lines)
        {
            if (line.StartsWith(Name, StringComparison.Ordinal))
            {
                string number = line[Name.Length..].Replace("kB", string.Empty, StringComparison.Ordinal).Trim();
                return long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out long kilobytes) && kilobytes <= long.MaxValue >> 10 ? kilobytes << 10 : null;
            }
        }

        return null;
    }

    private static long? FromLinux()
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        try
        {
            return Parse(File.ReadLines(LinuxFile));
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            // A sandbox without /proc: what the runtime knows has to do.
            return null;
        }
    }
}
