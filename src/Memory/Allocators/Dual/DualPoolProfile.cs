using System.Text;
using System.Text.Json;

namespace DimensionStore.Memory;

/// <summary>
/// What a <see cref="DualPoolAllocator"/> recorded about its use, to size the next one by <see cref="DualPoolPlan.From"/>. As JSON it has the field names of the specification's <c>memory_profile_t</c>.
/// </summary>
public sealed record DualPoolProfile
{
    private const int MaxFileBytes = 64 << 10;

    private static readonly string[] Fields =
        ["small_allocs", "big_allocs", "small_frees", "big_frees", "small_peak_usage", "big_peak_usage", "allocation_failures", "fragmentation_events"];

    /// <summary>Small objects allocated.</summary>
    public long SmallAllocations { get; init; }

    /// <summary>Big blocks and runs allocated.</summary>
    public long BigAllocations { get; init; }

    /// <summary>Small objects freed.</summary>
    public long SmallFrees { get; init; }

    /// <summary>Big blocks and runs freed.</summary>
    public long BigFrees { get; init; }

    /// <summary>The most small objects in use at once.</summary>
    public long SmallPeakUsage { get; init; }

    /// <summary>The most big blocks in use at once, each block of a run counted.</summary>
    public long BigPeakUsage { get; init; }

    /// <summary>Requests that were refused.</summary>
    public long AllocationFailures { get; init; }

    /// <summary>Of these, requests for which enough big blocks were free, but not enough adjacent ones.</summary>
    public long FragmentationEvents { get; init; }

    /// <summary>Reads a profile.</summary>
    /// <exception cref="InvalidProfileException">The text is not a profile; the message says why.</exception>
    public static DualPoolProfile Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                throw new InvalidProfileException($"A profile must be a JSON object with eight counters; found {document.RootElement.ValueKind}.");
            }

            long[] values = new long[Fields.Length];
            bool[] found = new bool[Fields.Length];
            foreach (JsonProperty property in document.RootElement.EnumerateObject())
            {
                int field = Array.IndexOf(Fields, property.Name);
                if (field < 0 || found[field])
                {
                    throw new InvalidProfileException($"A profile has the counters {string.Join(", ", Fields)}, each once; found '{property.Name}' {(field < 0 ? "beside them" : "twice")}.");
                }

                if (property.Value.ValueKind != JsonValueKind.Number || !property.Value.TryGetInt64(out values[field]) || values[field] < 0)
                {
                    throw new InvalidProfileException($"The counter '{property.Name}' of a profile must be a whole number of 0 or more; found {Shortened(property.Value.GetRawText())}.");
                }

                found[field] = true;
            }

            int missing = Array.IndexOf(found, false);
            return missing >= 0
                ? throw new InvalidProfileException($"The profile has no counter '{Fields[missing]}'.")
                : new DualPoolProfile
                {
                    SmallAllocations = values[0],
                    BigAllocations = values[1],
                    SmallFrees = values[2],
                    BigFrees = values[3],
                    SmallPeakUsage = values[4],
                    BigPeakUsage = values[5],
                    AllocationFailures = values[6],
                    FragmentationEvents = values[7],
                };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string with half a surrogate pair, which the parser lets pass until it is read.
            throw new InvalidProfileException($"The profile is not JSON: {e.Message}", e);
        }
    }

    /// <summary>Reads a profile from a file that <see cref="Save"/> wrote.</summary>
    /// <exception cref="InvalidProfileException">The file is larger than any profile, or not one.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static DualPoolProfile Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using FileStream file = File.OpenRead(path);
        if (file.Length > MaxFileBytes)
        {
            throw new InvalidProfileException($"'{path}' has {file.Length:N0} bytes; a profile has at most {MaxFileBytes:N0}.");
        }

        byte[] content = new byte[(int)file.Length];
        file.ReadExactly(content);
        return Parse(content);
    }

    /// <summary>The profile as JSON.</summary>
    public string ToJson()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true }))
        {
            long[] values = [SmallAllocations, BigAllocations, SmallFrees, BigFrees, SmallPeakUsage, BigPeakUsage, AllocationFailures, FragmentationEvents];
            writer.WriteStartObject();
            for (int i = 0; i < values.Length; i++)
            {
                writer.WriteNumber(Fields[i], values[i]);
            }

            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.GetBuffer(), 0, (int)stream.Length);
    }

    /// <summary>Writes the profile as JSON; a file that is there is replaced whole, so that a reader never sees half of one.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Save(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            File.WriteAllText(temporary, ToJson());
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static string Shortened(string text) => text.Length <= 40 ? text : string.Concat(text.AsSpan(0, 40), "…");
}
