using System.Collections;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>
/// Which allocator an object stands for. PowerShell gives a parameter of any objects the whole object from the pipeline and never looks at its properties, so that is done here: blocks, owners,
/// maps, results and rows have an Allocator or a Name.
/// </summary>
internal static class AllocatorReference
{
    private static readonly string[] Properties = ["Allocator", "Name"];

    /// <summary>What a value holds: the items of a list, else the value itself. A parameter of any one object takes a list whole.</summary>
    public static IEnumerable<PSObject> Items(PSObject value) =>
        value.BaseObject is IList list ? list.Cast<object?>().Where(item => item is not null).Select(PSObject.AsPSObject!) : [value];

    /// <summary>The allocator itself, or its name.</summary>
    public static object Resolve(PSObject value)
    {
        if (value.BaseObject is MemoryAllocatorSession or string)
        {
            return value.BaseObject;
        }

        foreach (string property in Properties)
        {
            object? found = value.Properties[property]?.Value;
            object? plain = found is PSObject wrapped ? wrapped.BaseObject : found;
            if (plain is MemoryAllocatorSession or string)
            {
                return plain;
            }
        }

        return value.ToString();
    }
}
