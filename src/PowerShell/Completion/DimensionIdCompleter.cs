using System.Collections;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Offers the dimensions of the open store; a word also matches their names.</summary>
public sealed class DimensionIdCompleter : StoreCompleter
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
            if (Matches(word, status.Id.ToString()) || (word.Length > 0 && status.Name is not null && Matches(word, status.Name)))
            {
                yield return Offer(status.Id.ToString(), Describe(status));
            }
        }
    }
}
