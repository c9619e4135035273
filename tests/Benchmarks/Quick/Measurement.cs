namespace DimensionStore.Benchmarks.Quick;

/// <summary>One figure of a quick run.</summary>
/// <param name="Group">What is compared.</param>
/// <param name="Name">Who was measured.</param>
/// <param name="Value">Median over the rounds.</param>
/// <param name="Unit">Unit of <paramref name="Value"/>: <c>ns</c> per operation, or <c>%</c>.</param>
/// <param name="ManagedBytesPerOperation">GC-heap bytes allocated on the measuring thread.</param>
/// <param name="IsOurs">Whether it is this project's.</param>
internal sealed record Measurement(string Group, string Name, double Value, string Unit, double ManagedBytesPerOperation, bool IsOurs);
