namespace DimensionStore;

/// <summary>Data files that are built into the library, so that it works without any file beside it.</summary>
internal static class EmbeddedData
{
    /// <summary>Reads the whole of an embedded file.</summary>
    public static byte[] Read(string name)
    {
        using Stream stream = typeof(EmbeddedData).Assembly.GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"{name} is not built into this library; the project file lists it as an EmbeddedResource.");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
