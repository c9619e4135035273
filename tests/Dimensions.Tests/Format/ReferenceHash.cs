namespace DimensionStore.Tests.Format;

/// <summary>The keyword hash written as the format page defines it, byte by byte and with 128-bit numbers.</summary>
internal static class ReferenceHash
{
    public static ulong Compute(byte[] key)
    {
        ulong hash = unchecked((ulong)key.Length * 0x9E3779B97F4A7C15);
        for (int word = 0; word < key.Length; word += 8)
        {
            ulong value = 0;
            for (int i = 0; i < 8 && word + i < key.Length; i++)
            {
                value |= (ulong)key[word + i] << (8 * i);
            }

            hash = Fold(hash ^ value, 0xA0761D6478BD642F);
        }

        return Fold(hash ^ 0xE7037ED1A0B428DB, 0x8EBC6AF09C88C6E3);
    }

    private static ulong Fold(ulong a, ulong b)
    {
        UInt128 product = (UInt128)a * b;
        return (ulong)product ^ (ulong)(product >> 64);
    }
}
