namespace DimensionStore.Faces.Tests.Cli;

/// <summary>Small data that several tests build files of.</summary>
internal static class Samples
{
    /// <summary>Four entries in two layers, with non-ASCII keywords and text.</summary>
    public const string JsonLines = """
        {"layer":0,"keywords":["Joy","happiness"],"content":"Joy is a short pleasure."}
        {"layer":0,"keywords":["Größe"],"content":"Größe in Maß und Zahl: 12 µm."}
        {"layer":2,"keywords":["joy"],"content":"Deep joy, 喜び."}
        {"layer":2,"keywords":["joyous","[brackets]"],"content":"[bold]not markup[/]"}

        """;

    public const string Csv = """
        Layer,Keywords,Content,Remark
        0,Joy; happiness,Joy is a short pleasure.,
        0,Größe,Größe in Maß und Zahl: 12 µm.,ignored
        2,joy,"Deep joy, 喜び.",
        2,joyous;[brackets],[bold]not markup[/],

        """;

    /// <summary>Content of layer 0 and layer 2 of both.</summary>
    public const string Layer0 = "Joy is a short pleasure.Größe in Maß und Zahl: 12 µm.";

    public const string Layer2 = "Deep joy, 喜び.[bold]not markup[/]";

    /// <summary>Makes a store directory whose D01 holds <see cref="JsonLines"/>.</summary>
    public static string MakeStore(TemporaryDirectory directory, string name = "store", string id = "1", params string[] more)
    {
        string store = directory.File(name);
        Directory.CreateDirectory(store);
        string source = directory.Write($"source-{id}.jsonl", JsonLines);
        string file = Path.Combine(store, DimensionId.Parse(id).FileName);
        Tool.Succeed(["new", file, "--id", id, "--name", "Sample " + id, "--from", source, "--frequency", "0=1.5", "--frequency", "2=8", .. more]);
        return store;
    }
}
