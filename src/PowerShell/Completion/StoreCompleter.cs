using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace DimensionStore.PowerShell;

/// <summary>Base of the completers that look into the open store. Completion never fails: where there is no store, or it cannot answer, it offers nothing.</summary>
public abstract class StoreCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        try
        {
            string word = Unquote(wordToComplete ?? "");
            return [.. Complete(word, fakeBoundParameters ?? new Hashtable())];
        }
        catch (Exception e) when (Errors.IsExpected(e) || e is InvalidOperationException or PSInvalidCastException)
        {
            // The store was closed, or a file broke, while the user typed; the command itself will say so.
            return [];
        }
    }

    /// <summary>Offers completions for a word without its quotes.</summary>
    private protected abstract IEnumerable<CompletionResult> Complete(string word, IDictionary bound);

    /// <summary>The store that the command line names, or the default one; null when there is none.</summary>
    private protected static DimensionStoreSession? StoreOf(IDictionary bound)
    {
        object? named = bound["Store"] is PSObject wrapped ? wrapped.BaseObject : bound["Store"];
        DimensionStoreSession? session = named as DimensionStoreSession ?? OpenStores.Default;
        return session is { IsOpen: true } ? session : null;
    }

    /// <summary>Whether a candidate begins with the word, or matches it as a pattern.</summary>
    private protected static bool Matches(string word, string candidate) =>
        Patterns.IsPattern(word)
            ? Patterns.IsMatch(word + "*", candidate)
            : candidate.StartsWith(word, StringComparison.OrdinalIgnoreCase);

    /// <summary>A completion, quoted where PowerShell would read the bare word otherwise.</summary>
    private protected static CompletionResult Offer(string value, string toolTip) =>
        new(Quote(value), value, CompletionResultType.ParameterValue, toolTip.Length == 0 ? value : toolTip);

    private protected static string Describe(DimensionStatus status) =>
        string.Create(CultureInfo.InvariantCulture, $"{status.Id} {status.Name ?? "(no name)"}: {status.State}, {status.SizeBytes:N0} bytes");

    private static string Unquote(string word)
    {
        if (word.Length > 0 && word[0] is '\'' or '"')
        {
            char quote = word[0];
            word = word.Length > 1 && word[^1] == quote ? word[1..^1] : word[1..];
            return quote == '\'' ? word.Replace("''", "'", StringComparison.Ordinal) : word;
        }

        return word;
    }

    private static string Quote(string value)
    {
        foreach (char c in value)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or ':' or '.'))
            {
                return "'" + CodeGeneration.EscapeSingleQuotedStringContent(value) + "'";
            }
        }

        return value;
    }
}
