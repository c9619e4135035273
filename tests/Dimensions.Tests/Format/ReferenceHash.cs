namespace DimensionStore.Tests.Format;

/// <summary>The keyword hash written as the format page defines it: CRC-32C, bit by bit, of the key and the zero bytes that fill its last sixteen.</summary>
internal static class ReferenceHash
{
    public static uint Compute(byte[] key)
    {
        uint state = 0xFFFFFFFF;
        for (int i = 0; i < (key.Length + 15) / 16 * 16; i++)
        {
            state ^= i < key.Length ? key[i] : 0u;
            for (int bit = 0; bit < 8; bit++)
            {
                state = (state >> 1) ^ ((state & 1) * 0x82F63B78);
            }
        }

        return state ^ 0xFFFFFFFF;
    }
}
