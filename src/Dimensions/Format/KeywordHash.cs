namespace DimensionStore;

/// <summary>The 64-bit hash that places a folded keyword in the index; defined byte for byte in <c>formats/JESSY_MMAP_V1.md</c>.</summary>
internal static class KeywordHash
{
    /// <summary>Hashes a folded keyword.</summary>
    public static ulong Compute(ReadOnlySpan<byte> foldedKeyword) => throw new NotImplementedException();
}
