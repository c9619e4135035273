using System.Diagnostics.CodeAnalysis;

namespace DimensionStore;

/// <summary>
/// The records of a store by number, and in ascending order. Made of the two collections the runtime brings compiled code for: a sorted dictionary
/// would be compiled anew in every process that opens a store, at several times the cost of opening. Not thread-safe; the manager's gate guards it.
/// </summary>
internal sealed class DimensionRecordTable
{
    private readonly Dictionary<int, DimensionRecord> _byNumber = [];
    private readonly List<DimensionRecord> _ascending = [];

    /// <summary>All records, ascending.</summary>
    public IReadOnlyList<DimensionRecord> Values => _ascending;

    public bool TryGetValue(int number, [MaybeNullWhen(false)] out DimensionRecord record) => _byNumber.TryGetValue(number, out record);

    public void Add(DimensionRecord record)
    {
        _byNumber.Add(record.Id.Value, record);
        int at = _ascending.Count;
        while (at > 0 && _ascending[at - 1].Id.Value > record.Id.Value)
        {
            at--;
        }

        _ascending.Insert(at, record);
    }

    public void Remove(int number)
    {
        if (_byNumber.Remove(number, out DimensionRecord? record))
        {
            _ascending.Remove(record);
        }
    }

    public void Clear()
    {
        _byNumber.Clear();
        _ascending.Clear();
    }
}
