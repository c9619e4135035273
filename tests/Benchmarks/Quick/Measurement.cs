namespace DimensionStore.Benchmarks.Quick;

/// <summary>One figure of a quick run.</summary>
/// <param name="Group">What is compared.</param>
/// <param name="Name">Who was measured.</param>
/// <param name="NanosecondsPerOperation">Median over the rounds.</param>
/// <param name="ManagedBytesPerOperation">GC-heap bytes allocated on the measuring thread.</param>
/// <param name="IsOurs">Whether it is this project's.</param>
internal sealed record Measurement(string Group, string Name, double NanosecondsPerOperation, double ManagedBytesPerOperation, bool IsOurs);
