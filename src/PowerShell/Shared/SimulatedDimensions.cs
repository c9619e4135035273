namespace DimensionStore.PowerShell;

/// <summary>Shows the layers of dimensions that answer from the simulation.</summary>
internal static class SimulatedDimensions
{
    /// <summary>The same dimension with header and metadata. The store makes those of a simulated dimension at its first use, so this uses it once.</summary>
    public static DimensionStatus Describe(DimensionStoreSession session, DimensionStatus status)
    {
        if (status is not { State: DimensionState.Simulated, Descriptor: null })
        {
            return status;
        }

        using (session.Manager.Find(status.Id, "layers"))
        {
            // Whether that keyword is there does not matter: looking for it is the use.
        }

        return session.Manager.GetDimensions().FirstOrDefault(candidate => candidate.Id == status.Id) ?? status;
    }
}
