using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace DimensionStore.Memory;

/// <summary>
/// The allocators of this process that want to be seen, by name: what meters, <c>Get-MemStats</c> and <c>dimstore stats</c> show. Thread-safe.
/// </summary>
/// <remarks>
/// References are weak, so that being registered keeps no allocator alive. One that was disposed stays listed until it is unregistered or collected, so that
/// its last statistics, leaks included, can be read. Names are compared without regard to case.
/// </remarks>
public static class AllocatorRegistry
{
    private static readonly Lock s_lock = new();
    private static readonly List<(string Name, WeakReference<MemoryAllocator> Allocator)> s_entries = [];

    /// <summary>The allocators that are still there, in the order in which they were registered.</summary>
    public static IReadOnlyList<RegisteredAllocator> All
    {
        get
        {
            List<RegisteredAllocator> all = [];
            lock (s_lock)
            {
                DropCollected();
                foreach ((string name, WeakReference<MemoryAllocator> reference) in s_entries)
                {
                    if (reference.TryGetTarget(out MemoryAllocator? allocator))
                    {
                        all.Add(new RegisteredAllocator(name, allocator));
                    }
                }
            }

            return all;
        }
    }

    /// <summary>Shows an allocator under a name.</summary>
    /// <param name="allocator">The allocator: the outermost layer, so that the layers' measurements are found.</param>
    /// <param name="name">The name; the allocator's own when null. When it is taken, <c>#2</c>, <c>#3</c>, … is added.</param>
    /// <returns>The name it got. An allocator that is registered already keeps its name.</returns>
    public static string Register(MemoryAllocator allocator, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        string wanted = string.IsNullOrWhiteSpace(name) ? allocator.Name : name;
        lock (s_lock)
        {
            DropCollected();
            foreach ((string known, WeakReference<MemoryAllocator> reference) in s_entries)
            {
                if (reference.TryGetTarget(out MemoryAllocator? other) && ReferenceEquals(other, allocator))
                {
                    return known;
                }
            }

            string free = wanted;
            for (int i = 2; IndexOf(free) >= 0; i++)
            {
                free = string.Create(CultureInfo.InvariantCulture, $"{wanted}#{i}");
            }

            s_entries.Add((free, new WeakReference<MemoryAllocator>(allocator)));
            return free;
        }
    }

    /// <summary>Shows an allocator no longer; false when it was not shown.</summary>
    public static bool Unregister(MemoryAllocator allocator)
    {
        ArgumentNullException.ThrowIfNull(allocator);
        lock (s_lock)
        {
            return s_entries.RemoveAll(entry => entry.Allocator.TryGetTarget(out MemoryAllocator? other) && ReferenceEquals(other, allocator)) > 0;
        }
    }

    /// <summary>Finds an allocator by the name it is shown under.</summary>
    public static bool TryFind(string name, [NotNullWhen(true)] out MemoryAllocator? allocator)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        lock (s_lock)
        {
            DropCollected();
            int index = IndexOf(name);
            allocator = null;
            return index >= 0 && s_entries[index].Allocator.TryGetTarget(out allocator);
        }
    }

    private static int IndexOf(string name) => s_entries.FindIndex(entry => string.Equals(entry.Name, name, StringComparison.OrdinalIgnoreCase));

    private static void DropCollected() => s_entries.RemoveAll(entry => !entry.Allocator.TryGetTarget(out _));
}
