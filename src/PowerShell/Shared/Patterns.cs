namespace DimensionStore.PowerShell;

/// <summary>Tells names from patterns.</summary>
internal static class Patterns
{
    /// <summary>
    /// Whether a keyword or id is a pattern. Only <c>*</c> and <c>?</c> count, as in the keyword index: brackets are common in
    /// keywords ("C[0]", "[sic]") and PowerShell's ranges would make those unfindable.
    /// </summary>
    public static bool IsPattern(string text) => text.AsSpan().ContainsAny('*', '?');
}
