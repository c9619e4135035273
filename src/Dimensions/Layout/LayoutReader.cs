using System.Globalization;
using System.Text.Json;

namespace DimensionStore;

/// <summary>Reads a plan from JSON and checks every rule of it. Utf8JsonReader over a document model: the data is small and read once per process.</summary>
internal static class LayoutReader
{
    private const int CoreCount = 14;
    private const long MiB = 1L << 20;

    // No partition is larger: it keeps every sum far from overflow, and more could not be mapped by the page anyway.
    private const long MaxMiB = 1L << 24;

    public static DimensionLayout ReadShipped()
    {
        const string Name = "DimensionStore.layout.json";
        using Stream stream = typeof(LayoutReader).Assembly.GetManifestResourceStream(Name)
            ?? throw new InvalidLayoutException(Name, "the library was built without its layout data.");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return Read(bytes, Name);
    }

    public static DimensionLayout Read(ReadOnlyMemory<byte> json, string source)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json);
        }
        catch (JsonException exception)
        {
            throw new InvalidLayoutException(source, $"line {exception.LineNumber + 1}: this is not JSON: {exception.Message}", exception);
        }

        using (document)
        {
            return Check(document.RootElement, source);
        }
    }

    private static DimensionLayout Check(JsonElement root, string source)
    {
        if (Whole(root, "schema", "the plan", source) is var schema and not 1)
        {
            throw new InvalidLayoutException(source, $"schema 1 was expected, found {schema}.");
        }

        JsonElement core = Member(root, "core", JsonValueKind.Object, "the plan", source);
        JsonElement reserve = Member(root, "reserve", JsonValueKind.Object, "the plan", source);
        long coreBytes = Size(core, "sizeMiB", "core", source);
        long headroom = Size(core, "headroomMiB", "core", source);
        long reserveBytes = Size(reserve, "sizeMiB", "reserve", source);
        long userBytes = Size(reserve, "userMiB", "reserve", source);
        long total = Size(root, "totalMiB", "the plan", source);
        long firstUser = Whole(reserve, "firstUserId", "reserve", source);

        LayoutSlot[] slots = Slots(Member(core, "slots", JsonValueKind.Array, "core", source), source);
        long end = slots[^1].Address + slots[^1].SizeBytes;
        if (end + headroom != coreBytes)
        {
            throw new InvalidLayoutException(source, $"the core slots end at {InMiB(end)}, with {InMiB(headroom)} of headroom at {InMiB(end + headroom)}, but the core partition has {InMiB(coreBytes)}.");
        }

        if (userBytes > reserveBytes)
        {
            throw new InvalidLayoutException(source, $"the user partition ({InMiB(userBytes)}) is larger than the reserve that it is part of ({InMiB(reserveBytes)}).");
        }

        if (coreBytes + reserveBytes != total)
        {
            throw new InvalidLayoutException(source, $"core ({InMiB(coreBytes)}) and reserve ({InMiB(reserveBytes)}) add up to {InMiB(coreBytes + reserveBytes)}, but the total says {InMiB(total)}.");
        }

        if (firstUser is <= CoreCount + 1 or > DimensionId.MaxValue)
        {
            throw new InvalidLayoutException(source, $"reserve.firstUserId must be {CoreCount + 2} to {DimensionId.MaxValue}, found {firstUser}.");
        }

        return new DimensionLayout(slots, coreBytes, reserveBytes, userBytes, (int)firstUser);
    }

    private static LayoutSlot[] Slots(JsonElement array, string source)
    {
        if (array.GetArrayLength() != CoreCount)
        {
            throw new InvalidLayoutException(source, $"core.slots must list D01 to D{CoreCount}, found {array.GetArrayLength()} slots.");
        }

        var slots = new LayoutSlot[CoreCount];
        long end = 0;
        int index = 0;
        foreach (JsonElement element in array.EnumerateArray())
        {
            string where = $"core.slots[{index}]";
            if (element.ValueKind != JsonValueKind.Object)
            {
                throw new InvalidLayoutException(source, $"{where} must be an object, found {element.ValueKind}.");
            }

            long id = Whole(element, "id", where, source);
            if (id != index + 1)
            {
                throw new InvalidLayoutException(source, $"{where}.id must be {index + 1}: the slots list every core dimension once, ascending; found {id}.");
            }

            LayoutSlot slot = Slot(element, new DimensionId((int)id), where, source);
            if (slot.Address != end)
            {
                string kind = slot.Address < end ? "overlaps the slot before it, which ends" : "leaves a gap behind the slot before it, which ends";
                throw new InvalidLayoutException(source, $"{slot.Id} {slot.Name} at 0x{slot.Address:X8} {kind} at 0x{end:X8}.");
            }

            end += slot.SizeBytes;
            slots[index++] = slot;
        }

        return slots;
    }

    private static LayoutSlot Slot(JsonElement element, DimensionId id, string where, string source)
    {
        string name = Member(element, "name", JsonValueKind.String, where, source).GetString()!;
        if (name.Length == 0)
        {
            throw new InvalidLayoutException(source, $"{where}.name is empty.");
        }

        string text = Member(element, "address", JsonValueKind.String, where, source).GetString()!;
        if (!text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            || !long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out long address)
            || address < 0)
        {
            throw new InvalidLayoutException(source, $"{where}.address must be a hexadecimal number such as \"0x01000000\", found \"{text}\".");
        }

        long size = Size(element, "sizeMiB", where, source);
        if (size == 0)
        {
            throw new InvalidLayoutException(source, $"{where}.sizeMiB is 0; no file would fit.");
        }

        if (!element.TryGetProperty("immutable", out JsonElement flag) || flag.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
        {
            throw new InvalidLayoutException(source, $"{where}.immutable must be true or false.");
        }

        // Which dimensions are immutable is part of the format's contract (their files are sealed); a plan that says otherwise is wrong, not an option.
        bool immutable = flag.GetBoolean();
        if (immutable != id.IsImmutable)
        {
            throw new InvalidLayoutException(source, $"{where}.immutable must be {(id.IsImmutable ? "true" : "false")}: D09 and D14 are immutable, the others are not.");
        }

        return new LayoutSlot(id, name, address, size, immutable);
    }

    private static JsonElement Member(JsonElement parent, string name, JsonValueKind kind, string where, string source)
    {
        if (parent.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidLayoutException(source, $"{where} must be an object, found {parent.ValueKind}.");
        }

        return !parent.TryGetProperty(name, out JsonElement member)
            ? throw new InvalidLayoutException(source, $"{where} has no \"{name}\".")
            : member.ValueKind == kind
            ? member
            : throw new InvalidLayoutException(source, $"{where}: \"{name}\" must be {kind}, found {member.ValueKind}.");
    }

    private static long Whole(JsonElement parent, string name, string where, string source) =>
        Member(parent, name, JsonValueKind.Number, where, source).TryGetInt64(out long value)
            ? value
            : throw new InvalidLayoutException(source, $"{where}: \"{name}\" must be a whole number.");

    private static long Size(JsonElement parent, string name, string where, string source)
    {
        long value = Whole(parent, name, where, source);
        return value is >= 0 and <= MaxMiB
            ? value * MiB
            : throw new InvalidLayoutException(source, $"{where}: \"{name}\" must be 0 to {MaxMiB}, found {value}.");
    }

    private static string InMiB(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)MiB:0.###} MiB");
}
