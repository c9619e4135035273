using System.Buffers.Binary;

namespace DimensionStore;

/// <summary>The first 64 bytes of an index section, checked against the section's length. Kept by whoever opens the same section often.</summary>
internal readonly record struct KeywordIndexHeader
{
    private KeywordIndexHeader(KeywordIndexLayout layout, uint postingCount, uint maxProbe, uint entryCount)
    {
        Layout = layout;
        PostingCount = postingCount;
        MaxProbe = maxProbe;
        EntryCount = entryCount;
    }

    /// <summary>Where the parts lie.</summary>
    public KeywordIndexLayout Layout { get; }

    /// <summary>Entries of all keywords together.</summary>
    public uint PostingCount { get; }

    /// <summary>Most bucket lines that a lookup visits.</summary>
    public uint MaxProbe { get; }

    /// <summary>Entries that were added to the file.</summary>
    public uint EntryCount { get; }

    /// <summary>Reads and checks the header of a section.</summary>
    /// <param name="header">The section's first bytes, at least 64 if it has as many.</param>
    /// <param name="sectionLength">Length of the whole section.</param>
    /// <param name="sectionOffset">Where the section begins in the file, for errors.</param>
    /// <param name="filePath">Named in errors.</param>
    /// <exception cref="DimensionFormatException">The section contradicts its own counts.</exception>
    public static KeywordIndexHeader Read(ReadOnlySpan<byte> header, long sectionLength, long sectionOffset, string? filePath = null)
    {
        if (sectionLength < KeywordIndexFormat.HeaderBytes)
        {
            throw Error(sectionOffset, $"an index of at least {KeywordIndexFormat.HeaderBytes} bytes", $"{sectionLength:N0}", filePath);
        }

        header = header[..KeywordIndexFormat.HeaderBytes];
        if (!header.StartsWith(KeywordIndexFormat.Magic))
        {
            throw Error(sectionOffset, "DSKWIX01", Convert.ToHexString(header[..KeywordIndexFormat.Magic.Length]), filePath);
        }

        uint keyCount = U32(header, KeywordIndexFormat.KeyCountOffset);
        uint postingCount = U32(header, KeywordIndexFormat.PostingCountOffset);
        uint bucketCount = U32(header, KeywordIndexFormat.BucketCountOffset);
        uint maxProbe = U32(header, KeywordIndexFormat.MaxProbeOffset);
        ulong recordsLength = BinaryPrimitives.ReadUInt64LittleEndian(header[KeywordIndexFormat.RecordsLengthOffset..]);
        if (keyCount == KeywordIndexFormat.CountLimit)
        {
            throw Error(sectionOffset + KeywordIndexFormat.KeyCountOffset, $"fewer than {KeywordIndexFormat.CountLimit:N0} keys", $"{keyCount:N0}", filePath);
        }

        if (postingCount == KeywordIndexFormat.CountLimit || postingCount < keyCount || (keyCount == 0 && postingCount != 0))
        {
            throw Error(sectionOffset + KeywordIndexFormat.PostingCountOffset, $"at least one posting for each of {keyCount:N0} keys", $"{postingCount:N0}", filePath);
        }

        if (bucketCount == 0)
        {
            throw Error(sectionOffset + KeywordIndexFormat.BucketCountOffset, "at least 1 bucket line", "0", filePath);
        }

        if (maxProbe == 0 || maxProbe > bucketCount)
        {
            throw Error(sectionOffset + KeywordIndexFormat.MaxProbeOffset, $"1 to {bucketCount:N0} lines", $"{maxProbe:N0}", filePath);
        }

        if (header.Slice(KeywordIndexFormat.ZeroOffset, sizeof(uint)).ContainsAnyExcept((byte)0)
            || header[KeywordIndexFormat.ReservedOffset..].ContainsAnyExcept((byte)0))
        {
            throw Error(sectionOffset + KeywordIndexFormat.ZeroOffset, "0 in the reserved bytes", Convert.ToHexString(header[KeywordIndexFormat.ZeroOffset..]), filePath);
        }

        // Records cannot be longer than the section; told before any arithmetic is done with them.
        if (recordsLength % 8 != 0 || recordsLength > (ulong)sectionLength)
        {
            throw Error(sectionOffset + KeywordIndexFormat.RecordsLengthOffset, $"a multiple of 8 below {sectionLength:N0}", $"{recordsLength:N0}", filePath);
        }

        KeywordIndexLayout layout = KeywordIndexLayout.FromHeader(keyCount, bucketCount, (long)recordsLength);
        if (layout.Length != sectionLength)
        {
            throw Error(sectionOffset, $"the {layout.Length:N0} bytes that the counts add up to", $"{sectionLength:N0}", filePath);
        }

        return new KeywordIndexHeader(layout, postingCount, maxProbe, U32(header, KeywordIndexFormat.EntryCountOffset));
    }

    private static uint U32(ReadOnlySpan<byte> header, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(header[offset..]);

    private static DimensionFormatException Error(long offset, string expected, string found, string? filePath)
        => new(DimensionFormatError.BadIndex, offset, expected, found, filePath);
}
