using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Base of the cmdlets that work on a proto-dimension: given as an object, or by its name.</summary>
public abstract class ProtoDimensionCmdlet : StoreCmdlet
{
    /// <summary>The proto-dimension a parameter names; an unknown or closed one ends the command.</summary>
    private protected ProtoDimensionInfo RequireProto(object value)
    {
        object unwrapped = value is PSObject wrapped ? wrapped.BaseObject : value;
        ProtoDimensionInfo? proto = unwrapped as ProtoDimensionInfo ?? FindByName(unwrapped.ToString() ?? "");
        if (!proto.IsOpen)
        {
            ThrowTerminatingError(Errors.ProtoDimensionClosed(proto));
        }

        return proto;
    }

    private ProtoDimensionInfo FindByName(string name)
    {
        // The one begun last wins where two bear the same name.
        ProtoDimensionInfo? found = RequireStore().Protos.LastOrDefault(proto => string.Equals(proto.Name, name, StringComparison.OrdinalIgnoreCase));
        if (found is null)
        {
            ThrowTerminatingError(Errors.ProtoDimensionNotFound(name));
        }

        return found!;
    }
}
