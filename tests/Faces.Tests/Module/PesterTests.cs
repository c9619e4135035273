namespace DimensionStore.Faces.Tests.Module;

/// <summary>One case per Pester file, so that a failure names the cmdlet.</summary>
public sealed class PesterTests(PesterSuite suite) : IClassFixture<PesterSuite>
{
    public static TheoryData<string> Files =>
        [.. Directory.EnumerateFiles(PesterSuite.Directory, "*.Tests.ps1").Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void Pester_file_passes(string file)
    {
        Assert.SkipWhen(suite.SkipReason is not null, suite.SkipReason ?? "");
        Assert.True(suite.Failure is null, suite.Failure);
        PesterFileResult? result = suite.ResultOf(file);
        Assert.True(result is not null, $"{file} was not run.");
        Assert.True(result.Failed == 0, string.Join('\n', result.Failures));
        Assert.True(result.Passed > 0, $"{file} has no test that passed.");
    }
}
