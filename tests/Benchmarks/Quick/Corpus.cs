using System.Globalization;
using System.Text;

namespace DimensionStore.Benchmarks.Quick;

/// <summary>The data that lookups are measured on: WordNet's lemmas with their glosses where it is installed, else words made from a seed.</summary>
internal sealed class Corpus
{
    private Corpus(string name, List<KeyValuePair<string, string>> items)
    {
        Name = name;
        Items = items;
    }

    /// <summary>Where it comes from.</summary>
    public string Name { get; }

    /// <summary>Lower-case key and text; keys are distinct.</summary>
    public List<KeyValuePair<string, string>> Items { get; }

    public static Corpus Load() => WordNetImporter.IsInstalled() ? FromWordNet(WordNetImporter.DefaultDirectory) : Made(148_000);

    private static Corpus FromWordNet(string directory)
    {
        Dictionary<string, StringBuilder> texts = new(StringComparer.Ordinal);
        foreach (string part in (string[])["noun", "verb", "adj", "adv"])
        {
            foreach (string line in File.ReadLines(Path.Combine(directory, "data." + part)))
            {
                if (line.StartsWith("  ", StringComparison.Ordinal))
                {
                    continue;
                }

                string[] fields = line.Split(' ', 5);
                int count = int.Parse(fields[3], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                string[] words = fields[4].Split(' ', count * 2 + 1);
                string gloss = line[(line.IndexOf('|', StringComparison.Ordinal) + 1)..].Trim();
                for (int i = 0; i < count; i++)
                {
                    string lemma = words[i * 2];
                    int marker = lemma.IndexOf('(', StringComparison.Ordinal);
                    string key = (marker < 0 ? lemma : lemma[..marker]).ToLowerInvariant();
                    if (texts.TryGetValue(key, out StringBuilder? text))
                    {
                        text.Append('\n').Append(gloss);
                    }
                    else
                    {
                        texts.Add(key, new StringBuilder(gloss));
                    }
                }
            }
        }

        return new Corpus("WordNet 3.0", [.. texts.Select(p => KeyValuePair.Create(p.Key, p.Value.ToString()))]);
    }

    private static Corpus Made(int count)
    {
        Random random = new(20261121);
        HashSet<string> keys = new(StringComparer.Ordinal);
        while (keys.Count < count)
        {
            keys.Add(string.Create(random.Next(3, 24), random, static (span, r) =>
            {
                for (int i = 0; i < span.Length; i++)
                {
                    span[i] = (char)('a' + r.Next(26));
                }
            }));
        }

        return new Corpus("made words (WordNet is not installed)", [.. keys.Select(k => KeyValuePair.Create(k, new string('x', random.Next(20, 140))))]);
    }
}
