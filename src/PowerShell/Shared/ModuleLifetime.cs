using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Closes what is still open when the module is removed, so that no mapping outlives it.</summary>
public sealed class ModuleLifetime : IModuleAssemblyCleanup
{
    /// <summary>Called by <c>Remove-Module</c>.</summary>
    /// <param name="psModuleInfo">The module.</param>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        foreach (DimensionStoreSession session in OpenStores.All)
        {
            OpenStores.Close(session);
        }
    }
}
