using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// The header of one pageblock. All zero is a free pageblock of which nothing is committed, so a fresh table needs no initialisation. Two bitmaps with a bit per page
/// follow: the page is committed; the page was not handed out since and reads as zero.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = Bytes)]
internal struct Pageblock
{
    internal const int Bytes = 32;

    /// <summary>Free, divided into blocks, or wholly inside one block.</summary>
    internal PageblockState State;

    /// <summary>To whom it belongs while it is divided.</summary>
    internal byte Mobility;

    /// <summary>Not 0: the table of freed blocks has bits.</summary>
    internal byte HasHistory;

    /// <summary>Not 0: the table of owners is committed.</summary>
    internal byte HasOwners;

    /// <summary>Not 0: the tables of its granules are committed. A pageblock in the middle of a block needs none.</summary>
    internal byte HasTables;

    /// <summary>Not 0: tables were given back without keeping what they said of freed blocks, so any granule here may have been one.</summary>
    internal byte IsForgotten;

    /// <summary>Not 0: the block that ends here has grown where it is, so others go elsewhere while there is room.</summary>
    internal byte IsRoomToGrow;

    /// <summary>Bit k: there is a free block of order k.</summary>
    internal uint Orders;

    /// <summary>Free granules while it is divided.</summary>
    internal int FreeGranules;

    /// <summary>Where a block begins that covers whole pageblocks: how many. Kept after the block is freed, until the pageblock is divided.</summary>
    internal int Span;

    /// <summary>Granules of that block in the pageblock behind those.</summary>
    internal int SpanTail;

    /// <summary>Where such a block continues or begins: one more than the index of the pageblock where it begins; 0 elsewhere.</summary>
    internal int SpanFirst;

    /// <summary>Committed pages.</summary>
    internal int CommittedPages;
}

/// <summary>What a pageblock is used for.</summary>
internal enum PageblockState : byte
{
    /// <summary>Free as a whole.</summary>
    Free,

    /// <summary>Divided into blocks of one mobility, or the tail of a block that covers whole pageblocks.</summary>
    Divided,

    /// <summary>Wholly inside one block.</summary>
    Covered,
}
