using System.Buffers.Binary;

namespace DimensionStore;

/// <summary>Tells from a header alone, sound or not in other respects, that its file must not be replaced.</summary>
internal static class ImmutableMark
{
    /// <summary>Whether the header says that the file belongs to an immutable dimension or is sealed.</summary>
    public static bool IsOn(ReadOnlySpan<byte> header, out DimensionId id)
    {
        id = default;
        if (header.Length < DimensionFormat.HeaderBytes
            || !header.Slice(DimensionFormat.MagicOffset, DimensionFormat.Magic.Length).SequenceEqual(DimensionFormat.Magic))
        {
            return false;
        }

        uint number = BinaryPrimitives.ReadUInt32LittleEndian(header[DimensionFormat.IdOffset..]);
        if (number is 0 or > DimensionId.MaxValue)
        {
            return false;
        }

        id = new DimensionId((int)number);
        bool isSealed = header.Slice(DimensionFormat.MarkerOffset, DimensionFormat.Marker.Length).SequenceEqual(DimensionFormat.Marker)
            && (BinaryPrimitives.ReadUInt16LittleEndian(header[DimensionFormat.FlagsOffset..]) & DimensionFormat.SealedFlag) != 0;
        return id.IsImmutable || isSealed;
    }
}
