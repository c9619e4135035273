using System.Globalization;
using System.Text.RegularExpressions;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Reads <c>KeptRuns.txt</c>: shortened runs that once found a fault.</summary>
internal static partial class KeptRuns
{
    private static readonly string s_path = Path.Combine(AppContext.BaseDirectory, "Allocators", "KeptRuns.txt");

    /// <summary>All of them, with what each found.</summary>
    internal static IReadOnlyList<(string Found, AllocatorOperation[] Operations)> All => Parse(File.ReadAllText(s_path));

    /// <summary>Reads runs.</summary>
    /// <exception cref="FormatException">A line is neither a comment nor an operation.</exception>
    internal static IReadOnlyList<(string Found, AllocatorOperation[] Operations)> Parse(string text)
    {
        List<(string, AllocatorOperation[])> runs = [];
        List<string> found = [];
        List<AllocatorOperation> operations = [];
        int number = 0;
        foreach (string line in text.ReplaceLineEndings("\n").Split('\n').Append(""))
        {
            number++;
            if (line.StartsWith('#'))
            {
                found.Add(line[1..].Trim());
            }
            else if (!string.IsNullOrWhiteSpace(line))
            {
                Match match = Operation().Match(line);
                if (!match.Success || !Enum.TryParse(match.Groups[1].Value, out OperationKind kind))
                {
                    throw new FormatException($"Line {number} is no operation as FsCheck prints one: '{line}'.");
                }

                operations.Add(new AllocatorOperation(kind, Number(match, 2), Number(match, 3), Number(match, 4)));
            }
            else
            {
                if (operations.Count > 0)
                {
                    runs.Add((string.Join(' ', found), [.. operations]));
                }

                found.Clear();
                operations.Clear();
            }
        }

        return runs;
    }

    private static int Number(Match match, int group) => int.Parse(match.Groups[group].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"Kind = (\w+), Size = (\d+), Pick = (\d+), Owner = (\d+) \}")]
    private static partial Regex Operation();
}
