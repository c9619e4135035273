using System.Globalization;

namespace DimensionStore.Memory;

/// <summary>How maps write numbers: the same everywhere, whatever the culture.</summary>
internal static class MapNumbers
{
    internal static string Size(long bytes) => bytes switch
    {
        < 1 << 10 => string.Create(CultureInfo.InvariantCulture, $"{bytes} B"),
        < 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.#} KiB"),
        < 1 << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1048576.0:0.#} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1073741824.0:0.##} GiB"),
    };

    internal static string Count(long count, string one, string many) => string.Create(CultureInfo.InvariantCulture, $"{count:N0} {(count == 1 ? one : many)}");

    internal static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    internal static string Percent(double ratio) => string.Create(CultureInfo.InvariantCulture, $"{ratio * 100:0.0} %");

    internal static string Address(nint address) => string.Create(CultureInfo.InvariantCulture, $"0x{address:x}");

    internal static string Name(MapGroup group) => group.Name.Length == 0 ? "memory" : Printable(group.Name);

    /// <summary>Names come from users; what moves the cursor or colours a terminal is shown as the replacement character.</summary>
    internal static string Printable(string name) => string.Create(name.Length, name, static (shown, text) =>
    {
        for (int i = 0; i < text.Length; i++)
        {
            shown[i] = char.IsControl(text[i]) || text[i] is '\u2028' or '\u2029' ? '\uFFFD' : text[i];
        }
    });
}
