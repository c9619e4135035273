using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Offers the names of open proto-dimensions.</summary>
public sealed class ProtoDimensionCompleter : StoreCompleter
{
    private protected override IEnumerable<CompletionResult> Complete(string word, IDictionary bound)
    {
        DimensionStoreSession? session = StoreOf(bound);
        if (session is null)
        {
            yield break;
        }

        foreach (ProtoDimensionInfo proto in session.Protos)
        {
            if (Matches(word, proto.Name))
            {
                yield return Offer(proto.Name, string.Create(CultureInfo.InvariantCulture, $"{proto.Name}: {proto.EntryCount} entries, {proto.PoolBytes:N0} bytes"));
            }
        }
    }
}
