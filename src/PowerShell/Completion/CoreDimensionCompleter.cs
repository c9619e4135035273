using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Offers the core dimensions of the layout, for a file that is being made; needs no open store.</summary>
public sealed class CoreDimensionCompleter : StoreCompleter
{
    private protected override IEnumerable<CompletionResult> Complete(string word, IDictionary bound)
    {
        foreach (LayoutSlot slot in DimensionLayout.Default.Slots)
        {
            if (Matches(word, slot.Id.ToString()) || (word.Length > 0 && Matches(word, slot.Name)))
            {
                yield return Offer(slot.Id.ToString(), string.Create(CultureInfo.InvariantCulture, $"{slot.Id} {slot.Name}: up to {slot.SizeBytes >> 20} MiB{(slot.IsImmutable ? ", immutable" : "")}"));
            }
        }
    }
}
