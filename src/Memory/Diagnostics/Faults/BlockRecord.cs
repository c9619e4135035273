using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>What a <see cref="DiagnosticLayer"/> knows about one block: a cache line outside the GC heap.</summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal struct BlockRecord
{
    internal const int Bytes = 64;

    /// <summary>Address that was handed out; 0 where the slot of the table is empty.</summary>
    internal nint Address;

    /// <summary>Start of the block beneath, or of its pages.</summary>
    internal nint Base;

    /// <summary>Bytes from <see cref="Base"/> on that are the block's, guards included.</summary>
    internal long TotalBytes;

    /// <summary>Bytes asked for.</summary>
    internal long Requested;

    /// <summary>When it was allocated, in milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    internal long Ticks;

    internal int Owner;

    /// <summary>Number in <see cref="AllocationSiteTable"/>.</summary>
    internal int Site;

    /// <summary>Number in <see cref="AllocationStacks"/>, 0 for none.</summary>
    internal int Stack;

    internal RecordState State;

    internal RecordPlace Place;

    /// <summary>Whether a write after the free was reported already.</summary>
    internal bool IsReported;

    /// <summary>Whether the block is somebody's.</summary>
    internal readonly bool IsLive => State is RecordState.Live or RecordState.Resizing;

    /// <summary>Whether an address lies in the block or its guards.</summary>
    internal readonly bool Contains(nint address) => (nuint)(address - Base) < (nuint)TotalBytes;
}

/// <summary>State of a block in a <see cref="BlockRecord"/>.</summary>
internal enum RecordState : byte
{
    /// <summary>The caller's.</summary>
    Live,

    /// <summary>The caller's, who makes it larger or smaller at this moment: its guards are not to be looked at.</summary>
    Resizing,

    /// <summary>Being poisoned, and nobody else's business.</summary>
    Freeing,

    /// <summary>Free, and kept from reuse.</summary>
    Quarantined,

    /// <summary>Free, and given back beneath. The record tells what it was.</summary>
    Freed,
}

/// <summary>Where a block lies and how it is guarded.</summary>
internal enum RecordPlace : byte
{
    /// <summary>In the allocator beneath, with nothing around it.</summary>
    Plain,

    /// <summary>In the allocator beneath, between guard bytes.</summary>
    Guarded,

    /// <summary>On pages of its own.</summary>
    Pages,
}
