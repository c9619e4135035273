using System.IO.Enumeration;

namespace DimensionStore.PowerShell;

/// <summary>Tells names from patterns.</summary>
internal static class Patterns
{
    /// <summary>
    /// Whether a keyword or id is a pattern. Only <c>*</c> and <c>?</c> count, as in the keyword index: brackets are common in
    /// keywords ("C[0]", "[sic]") and PowerShell's ranges would make those unfindable.
    /// </summary>
    public static bool IsPattern(string text) => text.AsSpan().ContainsAny('*', '?');

    /// <summary>Whether a text is what a name or pattern means, whatever the case. PowerShell's own patterns were rejected: <c>[</c> begins a range there, and one that does not end is an exception.</summary>
    public static bool IsMatch(string pattern, string text) => FileSystemName.MatchesSimpleExpression(pattern.Replace(@"\", @"\\", StringComparison.Ordinal), text, ignoreCase: true);
}
