using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Finds entries by keyword.</summary>
[Cmdlet(VerbsCommon.Find, "DimensionEntry", DefaultParameterSetName = KeywordSet)]
[OutputType(typeof(DimensionEntryMatch))]
public sealed class FindDimensionEntryCommand : StoreCmdlet
{
    private const string KeywordSet = "Keyword";
    private const string LiteralSet = "LiteralKeyword";
    private const string PrefixSet = "Prefix";

    /// <summary>Keywords in any case; one with * or ? is a pattern.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = KeywordSet)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(KeywordCompleter))]
    public string[] Keyword { get; set; } = [];

    /// <summary>Keywords in any case, in which * and ? stand for themselves.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(KeywordCompleter))]
    public string[] LiteralKeyword { get; set; } = [];

    /// <summary>What keywords begin with, in any case.</summary>
    [Parameter(Mandatory = true, ParameterSetName = PrefixSet)]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(KeywordCompleter))]
    public string[] Prefix { get; set; } = [];

    /// <summary>Only in these dimensions: D01, D02, … or patterns.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(DimensionIdCompleter))]
    public string[]? Id { get; set; }

    /// <summary>Only in layers with these numbers.</summary>
    [Parameter]
    [ValidateRange(0, 3)]
    public int[]? Layer { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        DimensionStoreSession session = RequireStore();
        DimensionId[]? dimensions = Id is null ? null : Select(session);
        if (dimensions is { Length: 0 })
        {
            return;
        }

        switch (ParameterSetName)
        {
            case PrefixSet:
                Find(session, Prefix, KeywordMatch.Prefix, dimensions);
                break;
            case LiteralSet:
                Find(session, LiteralKeyword, KeywordMatch.Exact, dimensions);
                break;
            default:
                foreach (string keyword in Keyword)
                {
                    Find(session, [keyword], Patterns.IsPattern(keyword) ? KeywordMatch.Wildcard : KeywordMatch.Exact, dimensions);
                }

                break;
        }
    }

    private DimensionId[] Select(DimensionStoreSession session)
    {
        DimensionStatus[] chosen = [.. SelectDimensions(session, Id!)];
        DimensionId[] ids = new DimensionId[chosen.Length];
        for (int i = 0; i < ids.Length; i++)
        {
            ids[i] = chosen[i].Id;
        }

        return ids;
    }

    private void Find(DimensionStoreSession session, string[] keywords, KeywordMatch match, DimensionId[]? dimensions)
    {
        foreach (string keyword in keywords)
        {
            bool failed = !Enumerate(session, keyword, match, dimensions, out bool any);
            if (!any && !failed && match == KeywordMatch.Exact)
            {
                WriteError(Errors.KeywordNotFound(keyword, session));
            }
        }
    }

    private bool Enumerate(DimensionStoreSession session, string keyword, KeywordMatch match, DimensionId[]? dimensions, out bool any)
    {
        any = false;
        IEnumerator<FoundEntry>? entries = null;
        try
        {
            if (!Try(keyword, () => entries = session.Manager.FindEntries(keyword, match, dimensions).GetEnumerator()))
            {
                return false;
            }

            while (true)
            {
                bool more = false;
                if (!Try(keyword, () => more = entries!.MoveNext()))
                {
                    return false;
                }

                if (!more)
                {
                    return true;
                }

                StopToken.ThrowIfCancellationRequested();
                FoundEntry entry = entries!.Current;
                if (Layer is null || Layer.Contains(entry.Layer))
                {
                    any = true;
                    WriteObject(new DimensionEntryMatch(entry, session));
                }
            }
        }
        catch (OperationCanceledException) when (StopToken.IsCancellationRequested)
        {
            throw new PipelineStoppedException();
        }
        finally
        {
            entries?.Dispose();
        }
    }
}
