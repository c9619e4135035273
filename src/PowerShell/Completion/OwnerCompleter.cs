using System.Collections;
using System.Globalization;
using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Offers the owners of blocks in the allocators that the command line names.</summary>
public sealed class OwnerCompleter : StoreCompleter
{
    private protected override IEnumerable<CompletionResult> Complete(string word, IDictionary bound)
    {
        IEnumerable<OwnerUsage> owners = Named(bound["Allocator"] ?? bound["Name"]).SelectMany(session => session.Owners.GetAll());
        foreach (IGrouping<int, OwnerUsage> owner in owners.GroupBy(usage => usage.Owner.Value).OrderBy(group => group.Key))
        {
            string number = owner.Key.ToString(CultureInfo.InvariantCulture);
            if (Matches(word, number))
            {
                yield return Offer(number, string.Create(CultureInfo.InvariantCulture, $"{number}: {owner.Sum(usage => usage.LiveBlocks):N0} blocks in use, {owner.Sum(usage => usage.UsedBytes):N0} bytes"));
            }
        }
    }

    /// <summary>The open allocators that a value names: an allocator, a name or pattern, or a list of these.</summary>
    private static IEnumerable<MemoryAllocatorSession> Named(object? value)
    {
        object? plain = value is PSObject wrapped ? wrapped.BaseObject : value;
        return plain switch
        {
            MemoryAllocatorSession session => session.IsOpen ? [session] : [],
            string name => OpenAllocators.Matching(name),
            IEnumerable several => several.Cast<object?>().SelectMany(Named).Distinct(),
            _ => [],
        };
    }
}
