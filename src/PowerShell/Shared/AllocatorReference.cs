using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>
/// Which allocator an object stands for. PowerShell gives a parameter of any objects the whole object from the pipeline and never looks at its properties, so that is done here: blocks, owners,
/// maps, results and rows have an Allocator or a Name.
/// </summary>
internal static class AllocatorReference
{
    private static readonly string[] Properties = ["Allocator", "Name"];

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
