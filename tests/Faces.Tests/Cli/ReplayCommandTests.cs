using System.Diagnostics;
using System.Text.Json;
using DimensionStore.Cli;
using DimensionStore.Memory;

namespace DimensionStore.Faces.Tests.Cli;

/// <summary><c>replay</c>.</summary>
public sealed class ReplayCommandTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    private string MakeTrace(string name = "sample.altrace.gz", uint size = 100)
    {
        string path = _directory.File(name);
        var records = new List<TraceRecord>();
        for (uint id = 0; id < 50; id++)
        {
            records.Add(new TraceRecord(TraceOperation.Allocate, 0, 0, id, size));
        }

        for (uint id = 0; id < 40; id++)
        {
            records.Add(new TraceRecord(TraceOperation.Free, 0, 0, id, size));
        }

        AllocationTrace.FromRecords([.. records]).Save(path);
        return path;
    }

    [Theory]
    [InlineData("sample.altrace.gz")]
    [InlineData("sample.altrace")]
    public void Json_has_the_fixed_members(string name)
    {
        string trace = MakeTrace(name);
        JsonElement json = Tool.Succeed("replay", trace, "--allocator", "pool", "--passes", "1", "--json").Json;

        Assert.Equal("pool", json.GetProperty("allocator").GetString());
        Assert.Equal(trace, json.GetProperty("trace").GetString());
        Assert.Equal(90, json.GetProperty("operations").GetInt64());
        Assert.Equal(5000, json.GetProperty("peakLiveBytes").GetInt64());
        Assert.True(json.GetProperty("nsPerOperation").GetDouble() > 0);
        Assert.InRange(json.GetProperty("peakCommittedBytes").GetInt64(), 5000, 10 << 20);
        Assert.InRange(json.GetProperty("internalFragmentation").GetDouble(), 0, 1);
        Assert.InRange(json.GetProperty("externalFragmentation").GetDouble(), 0, 1);
        Assert.True(json.GetProperty("metadataOverhead").GetDouble() > 0);
        Assert.Equal(JsonValueKind.Null, json.GetProperty("error").ValueKind);
        JsonElement resident = json.GetProperty("peakResidentBytes");
        Assert.True(resident.ValueKind == JsonValueKind.Null || resident.GetInt64() >= 5000);
        Assert.Equal(resident.ValueKind, json.GetProperty("residentOverLive").ValueKind);
    }

    [Fact]
    public void Every_allocator_of_the_catalog_replays()
    {
        string trace = MakeTrace();
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            Assert.Equal(90, Tool.Succeed("replay", trace, "--allocator", kind.Name.ToUpperInvariant(), "--passes", "0", "--json").Json.GetProperty("operations").GetInt64());
        }
    }

    [Fact]
    public void Without_timed_passes_there_is_no_time()
    {
        JsonElement json = Tool.Succeed("replay", MakeTrace(), "--allocator", "pool", "--passes", "0", "--json").Json;

        Assert.Equal(JsonValueKind.Null, json.GetProperty("nsPerOperation").ValueKind);
        Assert.Contains("not timed", Tool.Succeed("replay", MakeTrace(), "--allocator", "pool", "--passes", "0").Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Compare_shows_every_allocator()
    {
        string trace = MakeTrace();
        JsonElement json = Tool.Succeed("replay", trace, "--compare", "--passes", "1", "--json").Json;

        Assert.Equal(AllocatorCatalog.All.Select(kind => kind.Name), json.GetProperty("allocators").EnumerateArray().Select(one => one.GetProperty("allocator").GetString()));
        Assert.True(json.GetProperty("nativeMemoryNsPerOperation").GetDouble() > 0);
        string text = Tool.Succeed("replay", trace, "--compare", "--passes", "1").Text;
        Assert.Contains("NativeMemory", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 80, line));
    }

    [Fact]
    public void Compare_goes_on_behind_an_allocator_that_fails_and_says_so()
    {
        ToolResult result = Tool.Run("replay", MakeTrace(size: 100_000), "--compare", "--passes", "0", "--capacity", "1M", "--json");

        Assert.Equal(ExitCodes.Refused, result.ExitCode);
        JsonElement failed = result.Json.GetProperty("allocators").EnumerateArray().Single(one => one.GetProperty("allocator").GetString() == "pool");
        Assert.Equal("TraceReplay", failed.GetProperty("error").GetProperty("kind").GetString());
        Assert.InRange(failed.GetProperty("error").GetProperty("record").GetInt32(), 1, 49);
        Assert.Equal(JsonValueKind.Null, result.Json.GetProperty("nativeMemoryNsPerOperation").ValueKind);
    }

    [Fact]
    public void A_capacity_that_is_too_small_is_refused_with_the_record()
    {
        string error = Tool.Fail(ExitCodes.Refused, "replay", MakeTrace(size: 100_000), "--allocator", "pool", "--capacity", "1M");

        Assert.Contains("record", error, StringComparison.Ordinal);
        Assert.Contains("100,000 bytes", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Wrong_input_has_the_codes_of_the_readme()
    {
        string trace = MakeTrace();
        string broken = _directory.File("broken.altrace");
        File.WriteAllBytes(broken, [.. "ALTRACE1"u8, 1]);

        Assert.Contains("TooShort", Tool.Fail(ExitCodes.Refused, "replay", broken, "--allocator", "pool"), StringComparison.Ordinal);
        Assert.Contains("is a directory", Tool.Fail(ExitCodes.InputOutput, "replay", _directory.File("."), "--allocator", "pool"), StringComparison.Ordinal);
        Assert.Contains("missing", Tool.Fail(ExitCodes.InputOutput, "replay", _directory.File("missing"), "--allocator", "pool"), StringComparison.Ordinal);
        Assert.Contains("pool", Tool.Fail(ExitCodes.Usage, "replay", trace, "--allocator", "nonsense"), StringComparison.Ordinal);
        Assert.Contains("no allocator", Tool.Fail(ExitCodes.Usage, "replay", _directory.File("missing"), "--allocator", "nonsense"), StringComparison.Ordinal);
        Tool.Fail(ExitCodes.Usage, "replay");
        Tool.Fail(ExitCodes.Usage, "replay", trace, "--allocator", "");
        foreach (string size in new[] { "0", "-1", "1T", "5000G", "M", "99999999999999999999", "1.5G" })
        {
            Assert.Contains("--capacity", Tool.Fail(ExitCodes.Usage, "replay", trace, "--allocator", "pool", "--capacity", size), StringComparison.Ordinal);
        }

        foreach (string passes in new[] { "-1", "1001", "x" })
        {
            Assert.Contains("--passes", Tool.Fail(ExitCodes.Usage, "replay", trace, "--allocator", "pool", "--passes", passes), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("--allocator", "slab")]
    [InlineData("--compare")]
    public void A_replay_that_is_stopped_says_so(params string[] which)
    {
        ToolResult result = Tool.RunWith(new MemoryStream(), new CancellationToken(canceled: true), ["replay", MakeTrace(), "--passes", "0", .. which]);

        Assert.Equal(ExitCodes.Cancelled, result.ExitCode);
        Assert.Equal("", result.Text);
        Tool.AssertOneError(result);
    }

    [Fact]
    public async Task A_pipe_that_nobody_writes_to_is_left_when_the_command_is_stopped()
    {
        const string maker = "/usr/bin/mkfifo";
        Assert.SkipUnless(OperatingSystem.IsLinux() && File.Exists(maker), "There is no mkfifo here.");
        string pipe = _directory.File("pipe");
        using (Process made = Process.Start(maker, [pipe]))
        {
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, made.ExitCode);
        }

        using var stop = new CancellationTokenSource();
        Task<ToolResult> replay = Task.Run(() => Tool.RunWith(new MemoryStream(), stop.Token, "replay", pipe), TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        ToolResult result = await replay.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);

        Assert.Equal((ExitCodes.Cancelled, ""), (result.ExitCode, result.Text));
        Tool.AssertOneError(result);
    }

    [Fact]
    public void A_trace_that_would_fill_the_machine_is_refused_unless_there_is_a_limit()
    {
        string trace = _directory.File("huge.altrace");
        AllocationTrace.FromRecords([.. Enumerable.Range(0, 4000).Select(id => new TraceRecord(TraceOperation.Allocate, 0, 0, (uint)id, uint.MaxValue))]).Save(trace);
        foreach (string[] which in new string[][] { ["--allocator", "general"], ["--compare"] })
        {
            string error = Tool.Fail(ExitCodes.Refused, ["replay", trace, "--passes", "0", .. which]);
            Assert.Contains("17,179,869,180,000 bytes live", error, StringComparison.Ordinal);
            Assert.Contains("--capacity", error, StringComparison.Ordinal);
            Assert.Contains(trace, error, StringComparison.Ordinal);
        }

        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            string error = Tool.Fail(ExitCodes.Refused, "replay", trace, "--passes", "0", "--allocator", kind.Name, "--capacity", "1G");
            Assert.Contains($"record 0 of {trace}", error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_capacity_above_what_an_allocator_takes_is_a_limit_all_the_same()
    {
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            JsonElement json = Tool.Succeed("replay", MakeTrace(), "--passes", "0", "--allocator", kind.Name, "--capacity", "4096G", "--json").Json;
            Assert.Equal(kind.MaxCapacityBytes, json.GetProperty("capacityBytes").GetInt64());
        }
    }

    [Fact]
    public void One_allocator_and_all_of_them_are_not_asked_for_at_once()
    {
        string error = Tool.Fail(ExitCodes.Usage, "replay", MakeTrace(), "--compare", "--allocator", "slab");
        Assert.Contains("--compare", error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_trace_without_operations_has_no_time()
    {
        string trace = _directory.File("empty.altrace");
        AllocationTrace.FromRecords([]).Save(trace);
        JsonElement json = Tool.Succeed("replay", trace, "--passes", "1", "--json").Json;

        Assert.Equal(0, json.GetProperty("operations").GetInt64());
        Assert.Equal(JsonValueKind.Null, json.GetProperty("nsPerOperation").ValueKind);
        Assert.Equal(JsonValueKind.Null, json.GetProperty("replayOverheadNs").ValueKind);
        Assert.Equal(JsonValueKind.Null, Tool.Succeed("replay", trace, "--compare", "--passes", "1", "--json").Json.GetProperty("nativeMemoryNsPerOperation").ValueKind);
    }

    [Theory]
    [InlineData("1", 1)]
    [InlineData("4k", 4096)]
    [InlineData("512M", 512L << 20)]
    [InlineData("4096G", 1L << 42)]
    public void Sizes_are_read(string text, long expected)
    {
        Assert.True(CommonSymbols.TryParseSize(text, out long bytes));
        Assert.Equal(expected, bytes);
    }

    [Fact]
    public void A_table_is_for_people()
    {
        string text = Tool.Succeed("replay", MakeTrace(), "--allocator", "pool", "--passes", "1").Text;

        Assert.Contains("Time per operation", text, StringComparison.Ordinal);
        Assert.Contains("at most 50 objects", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 80, line));
    }
}
