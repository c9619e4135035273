using System.Text;
using System.Text.Json.Nodes;

namespace DimensionStore.Tests.Store;

public sealed class DimensionLayoutTests
{
    private const long MiB = 1L << 20;

    [Fact]
    public void Default_has_the_sizes_of_the_specification()
    {
        DimensionLayout layout = DimensionLayout.Default;

        Assert.Equal([16, 16, 16, 8, 8, 16, 12, 8, 12, 8, 8, 8, 8, 4], layout.Slots.Select(s => s.SizeBytes / MiB));
        Assert.Equal(168 * MiB, layout.CoreBytes);
        Assert.Equal(112 * MiB, layout.ReserveBytes);
        Assert.Equal(32 * MiB, layout.UserBytes);
        Assert.Equal(80 * MiB, layout.SharedReserveBytes);
        Assert.Equal(280 * MiB, layout.TotalBytes);
        Assert.Equal([9, 14], layout.Slots.Where(s => s.IsImmutable).Select(s => s.Id.Value));
    }

    [Fact]
    public void Default_keeps_the_listed_addresses_up_to_D06_and_follows_the_sizes_after()
    {
        long[] addresses = [.. DimensionLayout.Default.Slots.Select(s => s.Address)];

        Assert.Equal([0x0000_0000, 0x0100_0000, 0x0200_0000, 0x0300_0000, 0x0380_0000, 0x0400_0000, 0x0500_0000, 0x05C0_0000], addresses[..8]);
        Assert.Equal(148 * MiB, DimensionLayout.Default.Slots[^1].Address + DimensionLayout.Default.Slots[^1].SizeBytes);
    }

    [Fact]
    public void Places_know_their_limits()
    {
        DimensionLayout layout = DimensionLayout.Default;

        Assert.Equal("Temporal", layout.SlotOf(new DimensionId(5))!.Name);
        Assert.Null(layout.SlotOf(new DimensionId(15)));
        Assert.Equal(4 * MiB, layout.MaxBytesOf(new DimensionId(14)));
        Assert.Equal(80 * MiB, layout.MaxBytesOf(new DimensionId(15)));
        Assert.Equal(80 * MiB, layout.MaxBytesOf(new DimensionId(999)));
        Assert.Equal(32 * MiB, layout.MaxBytesOf(new DimensionId(1000)));
        Assert.False(layout.IsUserSpecific(new DimensionId(999)));
        Assert.True(layout.IsUserSpecific(new DimensionId(1000)));
    }

    [Fact]
    public void A_file_gives_the_plan_it_holds()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("layout").FullName, "plan.json");
        JsonNode plan = Shipped();
        plan["reserve"]!["userMiB"] = 16;
        File.WriteAllText(path, plan.ToJsonString());

        DimensionLayout layout = DimensionLayout.Load(path);

        Assert.Equal(16 * MiB, layout.UserBytes);
        Assert.Equal(96 * MiB, layout.MaxBytesOf(new DimensionId(20)));
        Directory.Delete(Path.GetDirectoryName(path)!, true);
    }

    [Fact]
    public void A_missing_file_is_an_input_error() =>
        Assert.ThrowsAny<IOException>(() => DimensionLayout.Load(Path.Combine(Path.GetTempPath(), "no-such-layout.json")));

    public static TheoryData<string, string, string> Contradictions() => new()
    {
        { "core.slots.3.address", "\"0x02800000\"", "overlaps" },
        { "core.slots.3.address", "\"0x03100000\"", "gap" },
        { "core.slots.0.address", "\"0x00100000\"", "gap" },
        { "core.slots.3.address", "\"3 MiB\"", "hexadecimal" },
        { "core.slots.3.address", "\"0xFFFFFFFFFFFFFFFF\"", "hexadecimal" },
        { "core.slots.3.sizeMiB", "0", "no file would fit" },
        { "core.slots.3.sizeMiB", "-8", "must be 0 to" },
        { "core.slots.3.sizeMiB", "9223372036854775807", "must be 0 to" },
        { "core.slots.3.sizeMiB", "8.5", "whole number" },
        { "core.slots.3.sizeMiB", "\"8\"", "must be Number" },
        { "core.slots.13.sizeMiB", "5", "headroom" },
        { "core.slots.3.id", "5", "ascending" },
        { "core.slots.3.name", "\"\"", "empty" },
        { "core.slots.3.immutable", "true", "D09 and D14" },
        { "core.slots.8.immutable", "false", "D09 and D14" },
        { "core.slots.8.immutable", "1", "true or false" },
        { "core.slots.3", "7", "must be an object" },
        { "core.slots", "[]", "found 0 slots" },
        { "core.headroomMiB", "19", "headroom" },
        { "core", "null", "must be Object" },
        { "reserve.userMiB", "113", "larger than the reserve" },
        { "reserve.firstUserId", "15", "16 to 65535" },
        { "reserve.firstUserId", "65536", "16 to 65535" },
        { "reserve.sizeMiB", "111", "add up to 279 MiB" },
        { "totalMiB", "281", "says 281 MiB" },
        { "schema", "2", "schema 1" },
    };

    [Theory]
    [MemberData(nameof(Contradictions))]
    public void A_plan_that_contradicts_itself_is_refused_by_name(string member, string value, string expected)
    {
        JsonNode plan = Shipped();
        string[] parts = member.Split('.');
        JsonNode parent = plan;
        foreach (string part in parts[..^1])
        {
            parent = int.TryParse(part, out int index) ? parent[index]! : parent[part]!;
        }

        if (int.TryParse(parts[^1], out int last))
        {
            parent[last] = JsonNode.Parse(value);
        }
        else
        {
            parent[parts[^1]] = JsonNode.Parse(value);
        }

        var error = Assert.Throws<InvalidLayoutException>(() => LayoutReader.Read(Encoding.UTF8.GetBytes(plan.ToJsonString()), "plan.json"));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Equal("plan.json", error.SourceName);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("{\"schema\":1}")]
    public void What_is_no_plan_is_refused(string text) =>
        Assert.Throws<InvalidLayoutException>(() => LayoutReader.Read(Encoding.UTF8.GetBytes(text), "plan.json"));

    private static JsonNode Shipped()
    {
        using Stream stream = typeof(DimensionLayout).Assembly.GetManifestResourceStream("DimensionStore.layout.json")!;
        return JsonNode.Parse(stream)!;
    }
}
