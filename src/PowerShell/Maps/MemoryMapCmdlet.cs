using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Base of the cmdlets that draw the memory of an allocator, or of a store's pool.</summary>
public abstract class MemoryMapCmdlet : BlockSourceCmdlet
{
    /// <summary>Draws it. No block comes or goes by a cmdlet meanwhile.</summary>
    private protected static MemoryMap Draw(BlockSource source, int cells)
    {
        lock (source.BlockGate)
        {
            return MemoryMap.Create(source.Blocks, source.ShownName, cells);
        }
    }
}
