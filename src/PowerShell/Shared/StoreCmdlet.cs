using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Base of the cmdlets that work on an open store: the one given, or the one opened last.</summary>
public abstract class StoreCmdlet : DimensionCmdlet
{
    /// <summary>The store to work on; the one opened last when omitted.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [AllowNull]
    public virtual DimensionStoreSession? Store { get; set; }

    /// <summary>The store to work on. Without an open one the command ends with an error that says how to get one.</summary>
    private protected DimensionStoreSession RequireStore()
    {
        // Null is let in for the blocks of allocators, which have no store; a variable that happens to be null must not become the default store.
        bool isGiven = MyInvocation.BoundParameters.ContainsKey(nameof(Store));
        DimensionStoreSession? session = isGiven ? Store : OpenStores.Default;
        if (session is null)
        {
            ThrowTerminatingError(Errors.NoOpenStore(takesAllocator: MyInvocation.MyCommand.Parameters.ContainsKey("Allocator")));
        }
        else if (!session.IsOpen)
        {
            ThrowTerminatingError(Errors.StoreClosed(session));
        }

        return session!;
    }

    /// <summary>The dimensions that ids and patterns of ids name. An id that is none, or is not known, is an error; a pattern that matches nothing is silent.</summary>
    private protected IEnumerable<DimensionStatus> SelectDimensions(DimensionStoreSession session, IEnumerable<string> ids)
    {
        IReadOnlyList<DimensionStatus> all = session.Manager.GetDimensions();
        foreach (string id in ids)
        {
            if (Patterns.IsPattern(id))
            {
                foreach (DimensionStatus status in all)
                {
                    if (Patterns.IsIdMatch(id, status.Id.ToString()))
                    {
                        yield return status;
                    }
                }
            }
            else if (TryParseDimension(id, out DimensionId wanted))
            {
                DimensionStatus? found = all.FirstOrDefault(status => status.Id == wanted);
                if (found is null)
                {
                    WriteError(Errors.From(new DimensionNotFoundException(wanted, session.BasePath), id));
                }
                else
                {
                    yield return found;
                }
            }
        }
    }

    /// <summary>Reads a dimension's id, or writes an error.</summary>
    private protected bool TryParseDimension(string text, out DimensionId id)
    {
        if (DimensionId.TryParse(text, null, out id))
        {
            return true;
        }

        WriteError(Errors.InvalidDimensionId(text));
        return false;
    }

    /// <summary>Reads a layer's id, or writes an error.</summary>
    private protected bool TryParseLayer(string text, out LayerId id)
    {
        if (LayerId.TryParse(text, null, out id))
        {
            return true;
        }

        WriteError(Errors.InvalidLayerId(text));
        return false;
    }
}
