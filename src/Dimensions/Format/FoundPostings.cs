using System.Runtime.CompilerServices;

namespace DimensionStore;

/// <summary>Answer of a lookup: where the postings are and how many. Two words, so that it comes back in registers.</summary>
internal readonly unsafe struct FoundPostings
{
    /// <summary>Count when there is no answer: see <see cref="KeywordProbe"/>.</summary>
    public const int Unknown = -1;

    /// <summary>Wraps an answer.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public FoundPostings(byte* first, nint count)
    {
        First = first;
        Count = count;
    }

    /// <summary>The first posting.</summary>
    public byte* First { get; }

    /// <summary>How many; 0 when the keyword is not there.</summary>
    public nint Count { get; }
}
