using System.Text;

namespace DimensionStore.Tests.Files;

public sealed class JsonLinesEntrySourceTests
{
    [Fact]
    public async Task Entries_come_line_by_line_with_empty_lines_and_byte_order_mark_skipped()
    {
        List<(int Layer, string Keywords, string Content)> entries = await Read(
            "\uFEFF{\"layer\":0,\"keywords\":[\"a\",\"b\"],\"content\":\"Grüße\\n\\\"x\\\"\"}\n"
            + "\r\n   \n"
            + "{\"content\":\"\",\"layer\":3}\r\n"
            + "{\"layer\":1,\"keywords\":[],\"contentBase64\":\"AAEC/w==\"}");
        Assert.Equal([(0, "a|b", "Grüße\n\"x\""), (3, "", ""), (1, "", "\0\u0001\u0002\uFFFD")], entries);
    }

    [Theory]
    [InlineData("nonsense", "not JSON")]
    [InlineData("{\"layer\":0,\"content\":\"x\"", "not JSON")]
    [InlineData("{\"layer\":0,\"content\":\"x\"} {}", "not JSON")]
    [InlineData("[1]", "an array")]
    [InlineData("7", "a number")]
    [InlineData("{}", "\"layer\" is missing")]
    [InlineData("{\"layer\":0}", "\"content\" is missing")]
    [InlineData("{\"layer\":4,\"content\":\"x\"}", "4; expected a whole number from 0 to 3")]
    [InlineData("{\"layer\":-1,\"content\":\"x\"}", "-1; expected")]
    [InlineData("{\"layer\":1.5,\"content\":\"x\"}", "1.5; expected")]
    [InlineData("{\"layer\":99999999999,\"content\":\"x\"}", "99999999999; expected")]
    [InlineData("{\"layer\":\"0\",\"content\":\"x\"}", "a text; expected")]
    [InlineData("{\"layer\":0,\"content\":5}", "5; expected a text")]
    [InlineData("{\"layer\":0,\"content\":null}", "null; expected a text")]
    [InlineData("{\"layer\":0,\"content\":\"x\",\"keywords\":\"a\"}", "expected an array")]
    [InlineData("{\"layer\":0,\"content\":\"x\",\"keywords\":[\"a\",1]}", "keyword 2 is 1")]
    [InlineData("{\"layer\":0,\"content\":\"x\",\"keywords\":[null]}", "keyword 1 is null")]
    [InlineData("{\"layer\":0,\"content\":\"x\",\"kewords\":[]}", "no property \"kewords\"")]
    [InlineData("{\"layer\":0,\"content\":\"x\",\"contentBase64\":\"\"}", "twice")]
    [InlineData("{\"layer\":0,\"layer\":0,\"content\":\"x\"}", "twice")]
    [InlineData("{\"layer\":0,\"contentBase64\":\"A\"}", "not base64")]
    [InlineData("{\"layer\":0,\"content\":\"\\ud800\"}", "not valid Unicode")]
    [InlineData("{\"layer\":0,\"content\":\"x\",\"keywords\":[\"\\udc00\"]}", "not valid Unicode")]
    public async Task A_line_that_is_no_entry_is_refused_by_source_and_line(string line, string reason)
    {
        InvalidEntryException error = await Assert.ThrowsAsync<InvalidEntryException>(() => Read("\n{\"layer\":0,\"content\":\"fine\"}\n" + line + "\n"));
        Assert.Equal("in.jsonl", error.SourceName);
        Assert.Equal(3, error.Line);
        Assert.StartsWith("in.jsonl, line 3: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("content")]
    [InlineData("keywords")]
    public async Task Bytes_that_are_no_UTF8_are_refused(string property)
    {
        byte[] line = Encoding.UTF8.GetBytes(property == "content" ? "{\"layer\":0,\"content\":\"?\"}" : "{\"layer\":0,\"content\":\"\",\"keywords\":[\"?\"]}");
        line[Array.IndexOf(line, (byte)'?')] = 0xFF;
        InvalidEntryException error = await Assert.ThrowsAsync<InvalidEntryException>(() => Read(line, 4096));
        Assert.Equal(1, error.Line);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100_000)]
    public async Task However_the_bytes_arrive_the_entries_are_the_same(int pieceBytes)
    {
        string content = new('é', 50_000);
        StringBuilder text = new();
        for (int i = 0; i < 5; i++)
        {
            text.Append($"{{\"layer\":{i % 4},\"keywords\":[\"k{i}\",\"ß\"],\"content\":\"{content}{i}\\u00e9\"}}\n");
        }

        List<(int, string, string)> entries = await Read(Encoding.UTF8.GetBytes(text.ToString()), pieceBytes);
        Assert.Equal(Enumerable.Range(0, 5).Select(i => (i % 4, $"k{i}|ß", $"{content}{i}é")), entries);
    }

    private static Task<List<(int Layer, string Keywords, string Content)>> Read(string text) => Read(Encoding.UTF8.GetBytes(text), 4096);

    private static async Task<List<(int Layer, string Keywords, string Content)>> Read(byte[] bytes, int pieceBytes)
    {
        List<(int, string, string)> entries = [];
        using Stream stream = new PiecewiseStream(bytes, pieceBytes);
        await foreach (DimensionEntry entry in JsonLinesEntrySource.ReadAsync(stream, "in.jsonl", TestContext.Current.CancellationToken))
        {
            entries.Add((entry.Layer, string.Join('|', entry.Keywords), Encoding.UTF8.GetString(entry.Content.Span)));
        }

        return entries;
    }

    private sealed class PiecewiseStream(byte[] bytes, int pieceBytes) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
            => base.ReadAsync(buffer[..Math.Min(buffer.Length, pieceBytes)], cancellationToken);
    }
}
