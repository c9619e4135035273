using System.Text;

namespace DimensionStore;

/// <summary>Refuses writer options that no file could satisfy.</summary>
internal static class WriterOptionsCheck
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <exception cref="ArgumentException">An option contradicts the format; names it.</exception>
    /// <exception cref="CodecUnavailableException">A codec's library is not installed.</exception>
    public static void Check(DimensionWriterOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Id.Value == 0)
        {
            throw new ArgumentException($"The dimension's number is missing; give 1 to {DimensionId.MaxValue:N0}.", nameof(options));
        }

        if (options is { Plain: true, Id.IsImmutable: true })
        {
            throw new ArgumentException($"{options.Id} is immutable, and a store takes its file only with a seal, which a plain file has no place for. Make the file without the plain option, or give another number.", nameof(options));
        }

        int nameBytes = Utf8Length(options.Name, "dimension's name", options);
        if (nameBytes is 0 or > DimensionFormat.MaxNameBytes)
        {
            throw new ArgumentException($"The dimension's name '{options.Name}' has {nameBytes:N0} bytes of UTF-8; a name has 1 to {DimensionFormat.MaxNameBytes}.", nameof(options));
        }

        if (options.Name.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException("The dimension's name has a NUL in it; leave it out, since readers in other languages end a name there.", nameof(options));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(options.MemoryBytes, nameof(options));
        if (options.MaxTotalBytes is < DimensionFormat.HeaderBytes)
        {
            throw new ArgumentException($"At most {options.MaxTotalBytes:N0} bytes were asked for; the header alone has {DimensionFormat.HeaderBytes}.", nameof(options));
        }

        ArgumentNullException.ThrowIfNull(options.Layers, nameof(options));
        foreach ((int layer, LayerSettings settings) in options.Layers)
        {
            CheckLayer(layer, settings, options);
        }
    }

    private static void CheckLayer(int layer, LayerSettings settings, DimensionWriterOptions options)
    {
        if ((uint)layer >= DimensionFormat.MaxLayers)
        {
            throw new ArgumentException($"There are settings for layer {layer}; layers are 0 to {DimensionFormat.MaxLayers - 1}.", nameof(options));
        }

        if (!float.IsFinite(settings.Frequency) || settings.Frequency < 0)
        {
            throw new ArgumentException($"Layer {layer}: a frequency is a finite number of hertz from 0 up, not {settings.Frequency}.", nameof(options));
        }

        if (settings.Codec > LayerCodecs.Last)
        {
            throw new ArgumentException($"Layer {layer}: there is no codec {settings.Codec}; there are None, Brotli, ZLib, Lz4 and Zstd.", nameof(options));
        }

        if (options.Plain && settings.Codec != LayerCodec.None)
        {
            throw new ArgumentException($"Layer {layer}: a plain file has no place to say that a layer is compressed; use no codec, or no plain file.", nameof(options));
        }

        if (!LayerCodecs.IsAvailable(settings.Codec))
        {
            throw new CodecUnavailableException(settings.Codec, layer);
        }

        foreach (string keyword in settings.Keywords ?? [])
        {
            int bytes = Utf8Length(keyword, $"keyword of layer {layer}", options);
            if (bytes is 0 or > DimensionFormat.MaxMetadataKeywordBytes || keyword.Contains('\0', StringComparison.Ordinal))
            {
                throw new ArgumentException($"Layer {layer}: a keyword has 1 to {DimensionFormat.MaxMetadataKeywordBytes:N0} bytes of UTF-8 and no NUL; one of {bytes:N0} bytes does not.", nameof(options));
            }
        }
    }

    private static int Utf8Length(string? text, string what, DimensionWriterOptions options)
    {
        try
        {
            return text is null ? 0 : Strict.GetByteCount(text);
        }
        catch (EncoderFallbackException e)
        {
            throw new ArgumentException($"The {what} is not valid Unicode: it has half a surrogate pair.", nameof(options), e);
        }
    }
}
