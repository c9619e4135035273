using System.Collections;
using System.Globalization;
using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Offers keywords of the open store that begin with the word, in the dimensions that <c>-Id</c> names where it is given.</summary>
public sealed class KeywordCompleter : StoreCompleter
{
    private const int MaxOffers = 50;
    private const int MaxEntries = 2_000;

    private protected override IEnumerable<CompletionResult> Complete(string word, IDictionary bound)
    {
        DimensionStoreSession? session = StoreOf(bound);
        if (session is null || Patterns.IsPattern(word))
        {
            yield break;
        }

        HashSet<string> offered = new(StringComparer.OrdinalIgnoreCase);
        IEnumerable<FoundEntry> entries = session.Manager.FindEntries(word, KeywordMatch.Prefix, DimensionsOf(session, bound));
        foreach (FoundEntry entry in entries.Take(MaxEntries))
        {
            if (offered.Add(entry.Keyword))
            {
                yield return Offer(entry.Keyword, string.Create(CultureInfo.InvariantCulture, $"{entry.Dimension}:{entry.Layer} {Excerpt(entry.Text)}"));
                if (offered.Count == MaxOffers)
                {
                    yield break;
                }
            }
        }
    }

    private static List<DimensionId>? DimensionsOf(DimensionStoreSession session, IDictionary bound)
    {
        if (!LanguagePrimitives.TryConvertTo(bound["Id"], out string[] ids) || ids is null || ids.Length == 0)
        {
            return null;
        }

        List<DimensionId> chosen = [];
        foreach (DimensionStatus status in session.Manager.GetDimensions())
        {
            if (ids.Any(id => Patterns.IsIdMatch(id, status.Id.ToString())
                || (DimensionId.TryParse(id, null, out DimensionId parsed) && parsed == status.Id)))
            {
                chosen.Add(status.Id);
            }
        }

        return chosen;
    }

    private static string Excerpt(string text)
    {
        const int Length = 60;
        string line = text.ReplaceLineEndings(" ");
        return line.Length <= Length ? line : line[..Length] + "…";
    }
}
