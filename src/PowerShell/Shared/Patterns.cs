using System.IO.Enumeration;
using System.Management.Automation;

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

    /// <summary>
    /// Whether an id is what a pattern of ids means. Ids hold no brackets, so ranges (<c>D0[12]*</c>) do no harm there; a bracket that is not closed matches nothing.
    /// </summary>
    public static bool IsIdMatch(string pattern, string id)
    {
        try
        {
            return new WildcardPattern(pattern, WildcardOptions.IgnoreCase).IsMatch(id);
        }
        catch (WildcardPatternException)
        {
            return false;
        }
    }
}
