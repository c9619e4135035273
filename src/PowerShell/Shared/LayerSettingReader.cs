using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Reads <c>-LayerSetting @{ 0 = @{ Frequency = 4.5; Depth = 0; Keywords = 'one','two'; Codec = 'Brotli' } }</c>.</summary>
internal static class LayerSettingReader
{
    private const int LayerCount = 4;

    /// <summary>Settings for all four layers: the common ones, overridden by those of the table. Declared are the layers that the table names.</summary>
    /// <exception cref="PSArgumentException">The table says something else; the message tells what.</exception>
    public static (Dictionary<int, LayerSettings> Settings, List<int> Declared) Read(IDictionary? table, float frequency, LayerCodec codec)
    {
        Dictionary<int, LayerSettings> settings = [];
        for (int layer = 0; layer < LayerCount; layer++)
        {
            settings[layer] = new LayerSettings { Frequency = frequency, Codec = codec };
        }

        List<int> declared = [];
        foreach (DictionaryEntry pair in table ?? new Hashtable())
        {
            if (!LanguagePrimitives.TryConvertTo(pair.Key, CultureInfo.InvariantCulture, out int layer) || layer is < 0 or >= LayerCount)
            {
                throw new PSArgumentException($"-LayerSetting has the key '{pair.Key}'; layers are numbered 0 to 3.");
            }

            settings[layer] = ReadOne(layer, Unwrap(pair.Value), settings[layer]);
            declared.Add(layer);
        }

        declared.Sort();
        return (settings, declared);
    }

    private static LayerSettings ReadOne(int layer, object? value, LayerSettings settings)
    {
        if (value is not IDictionary table)
        {
            throw new PSArgumentException($"-LayerSetting gives layer {layer} '{value}'; a table is expected.");
        }

        foreach (DictionaryEntry pair in table)
        {
            string name = pair.Key.ToString() ?? "";
            settings = name.ToUpperInvariant() switch
            {
                "DEPTH" => settings with { Depth = Convert<byte>(layer, name, pair.Value, "a whole number from 0 to 255") },
                "FREQUENCY" => settings with { Frequency = ConvertFrequency(layer, pair.Value) },
                "KEYWORDS" => settings with { Keywords = EntryReader.ReadKeywords(pair.Value) },
                "CODEC" => settings with { Codec = Convert<LayerCodec>(layer, name, pair.Value, "None, Brotli, ZLib, Lz4 or Zstd") },
                _ => throw new PSArgumentException($"-LayerSetting gives layer {layer} '{name}'; Depth, Frequency, Keywords and Codec are known."),
            };
        }

        return settings;
    }

    private static float ConvertFrequency(int layer, object? value)
    {
        const string Expected = "a number of hertz, 0 or more";
        float frequency = Convert<float>(layer, "Frequency", value, Expected);
        return float.IsFinite(frequency) && frequency >= 0 ? frequency : throw Wrong(layer, "Frequency", value, Expected);
    }

    private static T Convert<T>(int layer, string name, object? value, string expected) =>
        value is not null && LanguagePrimitives.TryConvertTo(value, CultureInfo.InvariantCulture, out T result) ? result : throw Wrong(layer, name, value, expected);

    private static PSArgumentException Wrong(int layer, string name, object? value, string expected) =>
        new($"-LayerSetting gives layer {layer} the {name} '{value}'; {expected} is expected.");

    private static object? Unwrap(object? value) => value is PSObject wrapped ? wrapped.BaseObject : value;
}
