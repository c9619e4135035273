using System.Collections;
using System.Globalization;
using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Offers the names of every allocator of the process, stores' pools included.</summary>
public sealed class RegisteredAllocatorCompleter : StoreCompleter
{
    private protected override IEnumerable<CompletionResult> Complete(string word, IDictionary bound)
    {
        ShownAllocators.ShowPools();
        foreach (RegisteredAllocator shown in AllocatorRegistry.All)
        {
            if (Matches(word, shown.Name))
            {
                yield return Offer(shown.Name, string.Create(CultureInfo.InvariantCulture, $"{shown.Name}: {shown.Allocator.GetStatistics().LiveBlocks:N0} blocks in use"));
            }
        }
    }
}
