namespace DimensionStore;

/// <summary>How a keyword is looked up.</summary>
public enum KeywordMatch
{
    /// <summary>The whole keyword, case folded.</summary>
    Exact,

    /// <summary>Every keyword that begins with it, case folded.</summary>
    Prefix,

    /// <summary>Every keyword that matches a pattern of <c>*</c> (any run) and <c>?</c> (one character), case folded.</summary>
    Wildcard,
}
