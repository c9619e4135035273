using System.Management.Automation;
using System.Security.Cryptography;

namespace DimensionStore.PowerShell;

/// <summary>What happens when the module comes and goes.</summary>
public sealed class ModuleLifetime : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    /// <summary>
    /// Called by <c>Import-Module</c>. The first store of a process pays for loading the system's hash library, which seals are checked with, and for
    /// reading the address plan: more than for its files. Both are begun here on another thread, so that the import does not wait and the first
    /// <c>Open-DimensionStore</c> finds them done or under way.
    /// </summary>
    public void OnImport()
    {
        ThreadPool.UnsafeQueueUserWorkItem(static _ => GC.KeepAlive(DimensionLayout.Default), null);
        ThreadPool.UnsafeQueueUserWorkItem(static _ => SHA256.HashData([]), null);
    }

    /// <summary>Called by <c>Remove-Module</c>: closes what is still open, so that neither a mapping nor an allocator outlives the module.</summary>
    /// <param name="psModuleInfo">The module.</param>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        foreach (DimensionStoreSession session in OpenStores.All)
        {
            OpenStores.Close(session);
        }

        OpenAllocators.Close();
    }
}
