namespace DimensionStore.Tests.Format;

public sealed class Crc32CTests
{
    [Fact]
    public void Gives_the_check_value_of_its_catalogue_entry()
        => Assert.Equal(0xE3069283u, Crc32C.Compute("123456789"u8));

    [Fact]
    public void Gives_the_vectors_of_rfc_3720()
    {
        var bytes = new byte[32];
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(bytes));
        Array.Fill(bytes, (byte)0xFF);
        Assert.Equal(0x62A8AB43u, Crc32C.Compute(bytes));
    }

    [Fact]
    public void Continues_at_any_split()
    {
        byte[] bytes = [.. Enumerable.Range(0, 97).Select(i => (byte)(i * 7))];
        uint whole = Crc32C.Compute(bytes);
        for (int split = 0; split <= bytes.Length; split++)
        {
            Assert.Equal(whole, Crc32C.Append(Crc32C.Compute(bytes.AsSpan(0, split)), bytes.AsSpan(split)));
        }
    }
}
