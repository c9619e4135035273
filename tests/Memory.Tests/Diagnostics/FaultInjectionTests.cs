namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>10,000 of each kind here; <c>dotnet run -c Release --project tests/Fuzz -- --faults 100000</c> for more.</summary>
public sealed class FaultInjectionTests
{
    private const int Count = 10_000;

    public static TheoryData<MemoryFault> Kinds => [.. FaultInjection.Kinds];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_fault_is_found_and_none_is_invented(MemoryFault kind)
    {
        FaultInjection injection = FaultInjection.Run(kind, Count);
        Assert.Equal((Count, Count, 0), (injection.Injected, injection.Found, injection.Invented));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_same_run_without_faults_reports_nothing(MemoryFault kind)
    {
        FaultInjection injection = FaultInjection.RunClean(kind, Count);
        Assert.Equal((Count, 0, 0), (injection.Injected, injection.Found, injection.Invented));
    }

    [Theory]
    [InlineData(MemoryFault.Overrun)]
    [InlineData(MemoryFault.Underrun)]
    [InlineData(MemoryFault.UseAfterFree)]
    public void Without_the_layer_they_are_missed(MemoryFault kind)
        => Assert.Equal(0, FaultInjection.FoundWithoutLayer(kind, Count));
}
