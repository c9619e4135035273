using System.Collections;
using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Offers the kinds of allocators that the toolkit has.</summary>
public sealed class AllocatorKindCompleter : StoreCompleter
{
    private protected override IEnumerable<CompletionResult> Complete(string word, IDictionary bound)
    {
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            if (Matches(word, kind.Name))
            {
                yield return Offer(kind.Name, kind.Description);
            }
        }
    }
}
