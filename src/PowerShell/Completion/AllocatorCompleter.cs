using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Offers the names of the allocators made in this process.</summary>
public sealed class AllocatorCompleter : StoreCompleter
{
    private protected override IEnumerable<CompletionResult> Complete(string word, IDictionary bound)
    {
        foreach (MemoryAllocatorSession session in OpenAllocators.All)
        {
            if (Matches(word, session.Name))
            {
                yield return Offer(session.Name, string.Create(CultureInfo.InvariantCulture, $"{session.Name}: {session.Kind}, {session.LiveBlocks:N0} blocks in use"));
            }
        }
    }
}
