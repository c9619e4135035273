namespace DimensionStore.Memory;

/// <summary>A part of a <see cref="ZoneAllocator"/>, from the scarcest to the one that is asked first.</summary>
public enum ZoneType
{
    /// <summary>The lowest part of the reservation: small, contiguous, touched last. For memory that a device or a fixed buffer address needs.</summary>
    Dma,

    /// <summary>The bulk.</summary>
    Normal,

    /// <summary>The highest part, asked first by whoever does not care.</summary>
    High,
}
