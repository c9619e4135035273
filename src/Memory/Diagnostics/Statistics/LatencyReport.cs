using System.Text.Json;

namespace DimensionStore.Memory;

/// <summary>Times as numbers and as a histogram, both of about the same moment. Immutable.</summary>
/// <param name="Summary">Mean, percentiles, maximum.</param>
/// <param name="Buckets">The buckets that are not empty, ascending.</param>
public sealed record LatencyReport(LatencySummary Summary, IReadOnlyList<LatencyBucket> Buckets)
{
    internal LatencyReport(LatencyHistogram histogram)
        : this(histogram.GetSummary(), histogram.GetBuckets())
    {
    }

    internal void WriteJson(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        Statistics.WriteMembers(writer, Summary);
        writer.WritePropertyName("buckets");
        Statistics.WriteJson(writer, Buckets);
        writer.WriteEndObject();
    }
}
