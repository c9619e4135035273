namespace DimensionStore.Memory;

/// <summary>Why bytes are not an allocation trace. One value per rule of <c>formats/ALTRACE1.md</c>.</summary>
public enum TraceFormatError
{
    /// <summary>Shorter than the 64-byte header.</summary>
    TooShort,

    /// <summary>The magic is not <c>ALTRACE1</c>.</summary>
    BadMagic,

    /// <summary>The record size is not 12.</summary>
    BadRecordSize,

    /// <summary>No thread, or more than 256.</summary>
    BadThreadCount,

    /// <summary>More records than the reader was told to take.</summary>
    TooManyRecords,

    /// <summary>More slots than records, so that some could never be used.</summary>
    BadSlotCount,

    /// <summary>The header's last field is not zero.</summary>
    ReservedNotZero,

    /// <summary>The gzip stream is damaged.</summary>
    BadCompression,

    /// <summary>Fewer records than the header says.</summary>
    Truncated,

    /// <summary>Bytes behind the last record.</summary>
    TrailingData,

    /// <summary>An operation above 4.</summary>
    UnknownOperation,

    /// <summary>A thread that the header does not count.</summary>
    BadThread,

    /// <summary>An alignment above 1 GiB, or one where there is none to state.</summary>
    BadAlignment,

    /// <summary>An id that the header's slots do not reach.</summary>
    BadId,

    /// <summary>An allocation under the id of a live object.</summary>
    IdInUse,

    /// <summary>A free or reallocation of an object that is not live.</summary>
    IdNotInUse,

    /// <summary>A free states another size than was allocated.</summary>
    WrongSize,

    /// <summary>The header's peak of live objects is not the records'.</summary>
    WrongPeakObjects,

    /// <summary>The header's peak of live bytes is not the records'.</summary>
    WrongPeakBytes,

    /// <summary>The header's record of the peak is not the one where the peak is first reached.</summary>
    WrongPeakRecord,

    /// <summary>The header's sum of allocated bytes is not the records'.</summary>
    WrongTotalBytes,
}
