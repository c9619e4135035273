using System.Collections;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>
/// Lets a parameter of texts take objects that have such a text as a property: entries and contexts stand for their layer or dimension. PowerShell would convert them with ToString, which gives
/// their content, before it looks at their properties.
/// </summary>
internal sealed class TakesPropertyAttribute(string property) : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData)
    {
        object value = Unwrap(inputData);
        if (value is not (string or IDictionary) && value is IEnumerable items)
        {
            List<object?> taken = [];
            foreach (object? item in items)
            {
                taken.Add(item is null ? null : Take(item));
            }

            return taken.ToArray();
        }

        return Take(inputData);
    }

    private object Take(object input)
        => Unwrap(input) is DimensionEntryMatch or DimensionContext or DimensionLayerInfo && PSObject.AsPSObject(input).Properties[property]?.Value is { } text
            ? text.ToString()!
            : input;

    private static object Unwrap(object input) => input is PSObject wrapped ? wrapped.BaseObject : input;
}
