using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// Gives each allocation site a number, so that a record outside the GC heap can name it. Process-wide, thread-safe; a site that was seen before costs a probe and allocates nothing.
/// </summary>
/// <remarks>
/// Sites are compared by the reference of the file name: the compiler passes the same literal each time. Two literals with the same text get two numbers, which does no harm.
/// A program has as many sites as calls in its source, so nothing is ever removed; beyond <see cref="MaxSites"/>, which only names made up at run time reach, sites are unknown.
/// </remarks>
internal static class AllocationSiteTable
{
    /// <summary>Number of the unknown site.</summary>
    internal const int Unknown = 0;

    internal const int MaxSites = 1 << 16;

    private static readonly Lock s_lock = new();
    private static AllocationSite[] s_sites = new AllocationSite[64];
    private static int[] s_slots = new int[256];
    private static int s_count = 1;

    /// <summary>The number of a site.</summary>
    internal static int NumberOf(string? file, int line)
    {
        if (string.IsNullOrEmpty(file))
        {
            return Unknown;
        }

        // Slots before sites: a number that is in the slots is in every array of sites that is read later.
        int[] slots = Volatile.Read(ref s_slots);
        AllocationSite[] sites = Volatile.Read(ref s_sites);
        int mask = slots.Length - 1;
        for (int slot = Hash(file, line) & mask; ; slot = (slot + 1) & mask)
        {
            int number = Volatile.Read(ref slots[slot]);
            if (number == 0 || number >= sites.Length)
            {
                return Add(file, line);
            }

            if (ReferenceEquals(sites[number].File, file) && sites[number].Line == line)
            {
                return number;
            }
        }
    }

    /// <summary>The site of a number.</summary>
    internal static AllocationSite SiteOf(int number)
    {
        AllocationSite[] sites = Volatile.Read(ref s_sites);
        return (uint)number < (uint)sites.Length ? sites[number] : AllocationSite.Unknown;
    }

    private static int Hash(string file, int line) => (RuntimeHelpers.GetHashCode(file) * 31) ^ (line * 0x2C1B3C6D);

    private static int Add(string file, int line)
    {
        lock (s_lock)
        {
            if (s_count == MaxSites)
            {
                return Unknown;
            }

            for (int number = 1; number < s_count; number++)
            {
                if (ReferenceEquals(s_sites[number].File, file) && s_sites[number].Line == line)
                {
                    return number;
                }
            }

            if (s_count == s_sites.Length)
            {
                AllocationSite[] sites = new AllocationSite[s_sites.Length * 2];
                s_sites.CopyTo(sites, 0);
                int[] slots = new int[sites.Length * 4];
                for (int number = 1; number < s_count; number++)
                {
                    Place(slots, sites[number], number);
                }

                Volatile.Write(ref s_sites, sites);
                Volatile.Write(ref s_slots, slots);
            }

            AllocationSite site = new(file, line);
            s_sites[s_count] = site;
            Place(s_slots, site, s_count);
            return s_count++;
        }
    }

    private static void Place(int[] slots, AllocationSite site, int number)
    {
        int mask = slots.Length - 1;
        int slot = Hash(site.File!, site.Line) & mask;
        while (slots[slot] != 0)
        {
            slot = (slot + 1) & mask;
        }

        // After the site itself, so that who finds the number finds the site.
        Volatile.Write(ref slots[slot], number);
    }
}
