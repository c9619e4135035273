using System.Text;
using DimensionStore.Cli.Sources;

namespace DimensionStore.Faces.Tests.Cli;

public sealed class CsvEntrySourceTests
{
    private sealed record Entry(int Layer, string Keywords, string Content);

    private static Task<List<Entry>> ReadAsync(string csv) => ReadAsync(Encoding.UTF8.GetBytes(csv));

    private static async Task<List<Entry>> ReadAsync(byte[] csv)
    {
        List<Entry> entries = [];
        await foreach (DimensionEntry entry in CsvEntrySource.ReadAsync(new MemoryStream(csv), "t.csv", TestContext.Current.CancellationToken))
        {
            entries.Add(new Entry(entry.Layer, string.Join('|', entry.Keywords), Encoding.UTF8.GetString(entry.Content.Span)));
        }

        return entries;
    }

    [Theory]
    [InlineData("layer,keywords,content\n1,a;b c;;d ,text\n")]
    [InlineData("LAYER,Keywords,CONTENT\r\n1,a;b c;d,text\r\n")]
    [InlineData("content,other,layer,keywords\ntext,x,1,a;b c;d")]
    [InlineData("\uFEFFlayer,keywords,content\n\n\n1,\"a;b c;d\",\"text\"\n\n")]
    public async Task Columns_may_have_any_order_case_and_line_end(string csv)
    {
        Assert.Equal([new Entry(1, "a|b c|d", "text")], await ReadAsync(csv));
    }

    [Fact]
    public async Task Quoted_fields_hold_commas_quotes_and_lines()
    {
        List<Entry> entries = await ReadAsync("layer,keywords,content\n0,k,\"one, \"\"two\"\"\nthree\"\n3,,\n");

        Assert.Equal([new Entry(0, "k", "one, \"two\"\nthree"), new Entry(3, "", "")], entries);
    }

    [Fact]
    public async Task A_header_alone_gives_no_entries()
    {
        Assert.Empty(await ReadAsync("layer,keywords,content\n"));
    }

    [Theory]
    [InlineData("layer,keywords\n0,a\n", 1, "no column content")]
    [InlineData("layer,keywords,content,Layer\n0,a,b,0\n", 1, "twice")]
    [InlineData("layer,keywords,content\n0,a,b\n7,a,b\n", 3, "layer '7'")]
    [InlineData("layer,keywords,content\n0,a,b\n\n-1,a,b\n", 4, "layer '-1'")]
    [InlineData("layer,keywords,content\n0,a,\"two\nlines\"\n,a,b\n", 4, "layer ''")]
    [InlineData("layer,keywords,content\n0,a\n", 2, "2 fields")]
    [InlineData("layer,keywords,content\n0,a,b\"c\n", 2, "quote")]
    [InlineData("layer,keywords,content\n0,\"a,b\n1,c,d\n", 2, "quote")]
    [InlineData("layer,keywords,content\n0,a,\"b\n", 2, "never closed")]
    [InlineData("\n\nlayer;keywords;content\n", 3, "no column layer")]
    public async Task A_row_that_is_no_entry_is_refused_with_its_line(string csv, long line, string expected)
    {
        InvalidEntryException error = await Assert.ThrowsAsync<InvalidEntryException>(() => ReadAsync(csv));

        Assert.Equal(line, error.Line);
        Assert.Equal("t.csv", error.SourceName);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Text_that_is_not_utf8_is_refused()
    {
        InvalidEntryException error = await Assert.ThrowsAsync<InvalidEntryException>(() => ReadAsync([.. "layer,keywords,content\n0,a,"u8, 0xFF, 0xFE, 0x0A]));

        Assert.Contains("UTF-8", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_empty_file_is_refused()
    {
        InvalidEntryException error = await Assert.ThrowsAsync<InvalidEntryException>(() => ReadAsync(""));

        Assert.Contains("is empty", error.Message, StringComparison.Ordinal);
    }
}
