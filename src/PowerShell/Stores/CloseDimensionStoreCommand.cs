using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Closes stores: unmaps their dimensions and gives their memory back.</summary>
[Cmdlet(VerbsCommon.Close, "DimensionStore", SupportsShouldProcess = true, DefaultParameterSetName = StoreSet)]
[OutputType(typeof(void))]
public sealed class CloseDimensionStoreCommand : DimensionCmdlet
{
    private const string StoreSet = "Store";
    private const string AllSet = "All";

    /// <summary>The stores to close; the one opened last when omitted.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ParameterSetName = StoreSet)]
    [ValidateNotNullOrEmpty]
    public DimensionStoreSession[]? Store { get; set; }

    /// <summary>Close every open store.</summary>
    [Parameter(Mandatory = true, ParameterSetName = AllSet)]
    public SwitchParameter All { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (DimensionStoreSession session in Chosen())
        {
            if (!session.IsOpen)
            {
                WriteError(Errors.StoreClosed(session));
            }
            else if (ShouldProcess(session.BasePath, "Close dimension store"))
            {
                Try(session, () => OpenStores.Close(session));
            }
        }
    }

    private DimensionStoreSession[] Chosen()
    {
        if (All)
        {
            return OpenStores.All;
        }

        if (Store is not null)
        {
            return Store;
        }

        DimensionStoreSession? session = OpenStores.Default;
        if (session is null)
        {
            ThrowTerminatingError(Errors.NoOpenStore());
        }

        return [session!];
    }
}
