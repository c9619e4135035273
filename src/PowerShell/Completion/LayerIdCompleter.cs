using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Offers the layers of the open store as <c>D01:0</c>.</summary>
public sealed class LayerIdCompleter : StoreCompleter
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
            string dimension = status.Id.ToString();
            if (!Matches(word, dimension) && !word.StartsWith(dimension + ":", StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            foreach (LayerDescriptor layer in session.Manager.Describe(status).Descriptor?.Layers ?? [])
            {
                string id = new LayerId(status.Id, layer.Layer).ToString();
                if (Matches(word, id))
                {
                    yield return Offer(id, string.Create(CultureInfo.InvariantCulture, $"{id} {status.Name}: {layer.UncompressedSize:N0} bytes, {layer.Frequency} Hz, {status.State}"));
                }
            }
        }
    }
}
