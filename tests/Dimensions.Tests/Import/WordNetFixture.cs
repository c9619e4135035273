using System.Globalization;
using System.Text;

namespace DimensionStore.Tests.Import;

/// <summary>A small database in WordNet's format, written for these tests, with right offsets; and directories to import it from and to.</summary>
internal sealed class WordNetFixture : IDisposable
{
    public const string Licence = "  1 A licence in lines that begin with two spaces.  \n  2 00001740 29 v 01 no_synset 0 000 | not a synset  \n";

    private readonly Dictionary<string, StringBuilder> _files = [];

    public WordNetFixture(bool fill = true)
    {
        Root = Directory.CreateTempSubdirectory("wordnet-fixture-").FullName;
        Source = Directory.CreateDirectory(Path.Combine(Root, "source")).FullName;
        Target = Path.Combine(Root, "target");
        foreach (string name in WordNetDataFile.Names)
        {
            _files[name] = new StringBuilder(Licence);
        }

        if (fill)
        {
            Add("data.noun", 12, 'n', ["joy", "Great_Joy"], "a feeling; \"joy | sorrow\"");
            Add("data.noun", 5, 'n', ["dog", "domestic_dog", "Canis_familiaris"], "an animal that barks", pointers: "002 @ 00000200 n 0000 ~ 00000110 v 0102");
            Add("data.noun", 21, 'n', ["debt"], "what is owed");
            Add("data.noun", 8, 'n', ["O'Hara's_muscle", "24/7", "dog"], "a made-up muscle");
            Add("data.verb", 37, 'v', ["enjoy"], "feel joy", pointers: "000 02 + 08 00 + 21 01");
            Add("data.verb", 33, 'v', ["fight", "struggle"], "be engaged in a fight", pointers: "001 $ 00000110 v 0000 01 + 02 00");
            Add("data.adj", 0, 's', ["asleep(p)", "fast(a)", "galore(ip)", "curly(x)"], "(postpositive) of sleep");
            Add("data.adv", 2, 'r', [.. Enumerable.Range(0, 0x1A).Select(i => $"word{i:00}")], "");
            Write();
        }
    }

    public string Root { get; }

    public string Source { get; }

    public string Target { get; }

    public string this[string file]
    {
        get => _files[file].ToString();
        set => _files[file] = new StringBuilder(value);
    }

    public void Add(string file, int lexicographerFile, char type, string[] words, string gloss, string? pointers = null)
    {
        StringBuilder text = _files[file];
        pointers ??= file == "data.verb" ? "000 00" : "000";
        text.Append(CultureInfo.InvariantCulture, $"{Encoding.UTF8.GetByteCount(text.ToString()):00000000} {lexicographerFile:00} {type} {words.Length:x2} ");
        text.AppendJoin(' ', words.Select((w, i) => $"{w} {i % 16:x}")).Append(CultureInfo.InvariantCulture, $" {pointers} | {gloss}  \n");
    }

    public void Write()
    {
        foreach ((string name, StringBuilder text) in _files)
        {
            File.WriteAllText(Path.Combine(Source, name), text.ToString());
        }
    }

    public string PathOf(string file) => Path.Combine(Source, file);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
