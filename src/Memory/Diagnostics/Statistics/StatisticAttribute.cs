namespace DimensionStore.Memory;

/// <summary>
/// Makes a property of a snapshot a statistic: from this one line come its instrument, its JSON member, its row in a table and what is said about it
/// (<see cref="Statistics"/>).
/// </summary>
/// <param name="unit">Unit, in the notation of UCUM that meters use: <c>By</c>, <c>ns</c>, <c>%</c>, <c>1</c>, <c>{block}</c>.</param>
/// <param name="kind">Gauge, counter or label.</param>
/// <param name="description">What it says, in a sentence.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class StatisticAttribute(string unit, StatisticsKind kind, string description) : Attribute
{
    /// <summary>Unit, in the notation of UCUM.</summary>
    public string Unit { get; } = unit;

    /// <summary>Gauge, counter or label.</summary>
    public StatisticsKind Kind { get; } = kind;

    /// <summary>What it says, in a sentence.</summary>
    public string Description { get; } = description;
}
