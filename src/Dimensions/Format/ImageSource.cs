namespace DimensionStore;

/// <summary>The bytes of a dimension file to verify, wherever they are. Verification itself does no input or output.</summary>
internal abstract class ImageSource
{
    /// <summary>Bytes there are.</summary>
    public abstract long Length { get; }

    /// <summary>Fills <paramref name="destination"/> from <paramref name="offset"/>, which with its length is within <see cref="Length"/>.</summary>
    public abstract void Read(long offset, Span<byte> destination);

    /// <summary>Gives bytes without a copy where they lie in memory; false where they must be read.</summary>
    public virtual bool TryGetSpan(long offset, int length, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        return false;
    }
}
