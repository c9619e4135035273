using System.Collections;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Offers the names of the dimensions of the open store.</summary>
public sealed class DimensionNameCompleter : StoreCompleter
{
    private protected override IEnumerable<CompletionResult> Complete(string word, IDictionary bound)
    {
        DimensionStoreSession? session = StoreOf(bound);
        if (session is null)
        {
            yield break;
        }

        foreach (DimensionStatus status in session.Manager.GetDimensions())
        {
            if (status.Name is not null && Matches(word, status.Name))
            {
                yield return Offer(status.Name, Describe(status));
            }
        }
    }
}
