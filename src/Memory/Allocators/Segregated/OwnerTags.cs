using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// Which account each block belongs to: 16 bits at the block's first two of one byte per granule, in a reservation of its own that is committed 64 KiB of heap at a time, and only where
/// blocks with an owner lie. A heap without owners pays nothing. A block with an owner has two granules at least.
/// </summary>
/// <remarks>Under the heap's lock.</remarks>
internal sealed unsafe class OwnerTags : IDisposable
{
    private readonly nint _reservation;
    private readonly nuint _reservedBytes;
    private readonly int _unitShift;
    private readonly ulong[] _committed;
    private long _units;

    /// <summary>Reserves the tags of so many granules.</summary>
    internal OwnerTags(long granules)
    {
        _unitShift = System.Numerics.BitOperations.Log2((uint)VirtualMemory.PageSize);
        long units = (granules + VirtualMemory.PageSize - 1) >> _unitShift;
        _reservedBytes = (nuint)(units << _unitShift);
        _reservation = VirtualMemory.Reserve(_reservedBytes);
        _committed = new ulong[(units + 63) / 64];
    }

    /// <summary>Bytes of address space.</summary>
    internal long ReservedBytes => (long)_reservedBytes;

    /// <summary>Bytes committed.</summary>
    internal long CommittedBytes => (_units << _unitShift) + (_committed.Length * sizeof(ulong));

    /// <summary>Notes the account of a block; 0 for none.</summary>
    /// <exception cref="VirtualMemoryException">The system refused memory for the tag; nothing is noted.</exception>
    internal void Set(uint start, uint granules, int slot)
    {
        // Both bytes of a tag lie in one unit or in two.
        for (uint unit = start >> _unitShift; slot != 0 && unit <= (start + 1) >> _unitShift; unit++)
        {
            if (!IsCommitted(unit))
            {
                VirtualMemory.Commit(_reservation + ((nint)unit << _unitShift), (nuint)1 << _unitShift);
                _committed[unit >> 6] |= 1UL << (int)(unit & 63);
                _units++;
            }
        }

        if (granules >= 2 && IsCommitted(start >> _unitShift) && IsCommitted((start + 1) >> _unitShift))
        {
            Unsafe.WriteUnaligned((void*)(_reservation + (nint)start), (ushort)slot);
        }
    }

    /// <summary>The account of a live block; 0 for none.</summary>
    internal int Get(uint start, uint granules) =>
        granules >= 2 && IsCommitted(start >> _unitShift) && IsCommitted((start + 1) >> _unitShift)
            ? Unsafe.ReadUnaligned<ushort>((void*)(_reservation + (nint)start))
            : 0;

    /// <summary>Gives back the tags of memory that is not committed.</summary>
    internal void GiveBackUnused(HeapTables tables)
    {
        uint unitsPerStep = (HeapTables.StepPages * SegregatedHeap.PageGranules) >> _unitShift;
        uint steps = tables.KnownPages / HeapTables.StepPages;
        for (uint step = 0; step < steps; step++)
        {
            uint end = (step + 1) * unitsPerStep;
            int committed = 0;
            for (uint unit = step * unitsPerStep; unit < end; unit++)
            {
                committed += IsCommitted(unit) ? 1 : 0;
            }

            if (committed == 0 || !tables.IsUnused(step) || !TryDecommit(step * unitsPerStep, unitsPerStep))
            {
                continue;
            }

            _units -= committed;
            for (uint unit = step * unitsPerStep; unit < end; unit++)
            {
                _committed[unit >> 6] &= ~(1UL << (int)(unit & 63));
            }
        }
    }

    /// <summary>Gives the tags back. Once.</summary>
    public void Dispose() => VirtualMemory.Release(_reservation, _reservedBytes);

    private bool TryDecommit(long unit, long count)
    {
        try
        {
            VirtualMemory.Decommit(_reservation + (nint)(unit << _unitShift), (nuint)(count << _unitShift));
            return true;
        }
        catch (VirtualMemoryException)
        {
            // What the system will not take stays committed and is used again.
            return false;
        }
    }

    private bool IsCommitted(uint unit) => (_committed[unit >> 6] >> (int)(unit & 63) & 1) != 0;
}
