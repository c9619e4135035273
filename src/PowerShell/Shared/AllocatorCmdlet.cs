using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Base of the cmdlets that take allocators: as objects, by name, or by what belongs to one.</summary>
public abstract class AllocatorCmdlet : DimensionCmdlet
{
    /// <summary>The allocators that a parameter names. An unknown name, or one that was removed, is an error; a pattern that matches nothing is silent.</summary>
    private protected IEnumerable<MemoryAllocatorSession> SelectAllocators(IEnumerable<PSObject> values)
    {
        foreach (PSObject value in values.SelectMany(AllocatorReference.Items))
        {
            if (value.BaseObject is MemoryBlock { Allocator: null } or MemoryMapInfo { Allocator: null })
            {
                WriteError(Errors.AllocatorOfStore(value.BaseObject));
                continue;
            }

            object meant = AllocatorReference.Resolve(value);
            if (meant is MemoryAllocatorSession given)
            {
                if (given.IsOpen)
                {
                    yield return given;
                }
                else
                {
                    WriteError(Errors.AllocatorClosed(given));
                }

                continue;
            }

            string name = meant.ToString() ?? "";
            MemoryAllocatorSession[] matching = OpenAllocators.Matching(name);
            if (matching.Length == 0 && !Patterns.IsPattern(name))
            {
                WriteError(Errors.AllocatorNotFound(name));
            }

            foreach (MemoryAllocatorSession session in matching)
            {
                yield return session;
            }
        }
    }
}
