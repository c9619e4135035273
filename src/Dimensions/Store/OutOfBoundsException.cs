namespace DimensionStore;

/// <summary>A range outside a layer or region was asked for.</summary>
public sealed class OutOfBoundsException(long offset, long size, long length, string what)
    : DimensionStoreException($"{what}: {size:N0} bytes at offset {offset:N0} are not inside its {length:N0} bytes.")
{
    /// <summary>Offset asked for.</summary>
    public long Offset { get; } = offset;

    /// <summary>Bytes asked for.</summary>
    public long Size { get; } = size;

    /// <summary>Bytes there are.</summary>
    public long Length { get; } = length;
}
