using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>What <c>Get-MemStats -Allocator</c> looks among.</summary>
internal static class ShownAllocators
{
    /// <summary>
    /// Makes the pools of open stores, which else are made with their first block: whoever asks for all allocators would miss them, or find them only after somebody looked at the store.
    /// A pool that cannot be made is not shown; the command that needs it says why.
    /// </summary>
    public static void ShowPools() => FindPool(name: null);

    /// <summary>The open store whose pool is shown under a name; null when there is none.</summary>
    public static DimensionStoreSession? FindPool(string? name)
    {
        DimensionStoreSession? found = null;
        foreach (DimensionStoreSession store in OpenStores.All)
        {
            try
            {
                _ = store.Pool;
                if (store.ShownName.Equals(name, StringComparison.OrdinalIgnoreCase))
                {
                    found = store;
                }
            }
            catch (Exception e) when (e is ArgumentException or ObjectDisposedException or MemoryToolkitException)
            {
                // Closed in the same moment, or pools that contradict each other.
            }
        }

        return found;
    }
}
