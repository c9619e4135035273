namespace DimensionStore.Memory;

/// <summary>The figures of a trace's header.</summary>
internal readonly record struct TraceHeader(int ThreadCount, int RecordCount, int SlotCount, int PeakLiveObjects, long PeakLiveBytes, int PeakRecord, long TotalBytes)
{
    internal const int Bytes = 64;
    internal const int RecordSizeOffset = 8;
    internal const int ThreadCountOffset = 12;
    internal const int RecordCountOffset = 16;
    internal const int SlotCountOffset = 24;
    internal const int PeakLiveObjectsOffset = 28;
    internal const int PeakLiveBytesOffset = 32;
    internal const int PeakRecordOffset = 40;
    internal const int TotalBytesOffset = 48;
    internal const int ReservedOffset = 56;

    internal static ReadOnlySpan<byte> Magic => "ALTRACE1"u8;
}
