using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using DimensionStore.Memory;

namespace DimensionStore;

/// <content>Finding entries by keyword.</content>
public sealed partial class MmapManager
{
    /// <summary>Zero-copy access to the entries of a keyword in one dimension. Allocates nothing, with the exceptions of <see cref="AccessLayer"/>.</summary>
    /// <param name="dimension">Where to look.</param>
    /// <param name="keyword">In any case; what cannot be a keyword (empty, too long, a NUL in it) is not found.</param>
    /// <exception cref="RegionNotFoundException">The dimension was unloaded or evicted.</exception>
    /// <exception cref="DimensionNotFoundException">There is no such dimension.</exception>
    /// <exception cref="DimensionFormatException">Its file is broken, or its index proves to be.</exception>
    /// <exception cref="ObjectDisposedException">The store is closed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    [SkipLocalsInit]
    public unsafe EntryAccess Find(DimensionId dimension, ReadOnlySpan<char> keyword)
    {
        // Inlined into the caller, and the answer put together in one place only, so that it stays in registers: a struct that two paths leave in memory
        // would be copied by vector loads, which wait until the processor has retired all it did before. See KeywordProbe.
        // The bracket comes before the reference is read. That order is what unmapping relies on. Nothing between it and the answer throws.
        ReadBracket bracket = ReaderRegistry.Enter();
        LoadedRegion?[] table = _table;
        int id = dimension.Value;
        LoadedRegion? region = (uint)id < (uint)table.Length ? table[id] : null;
        FoundPostings found = new(null, FoundPostings.Unknown);
        if (region is { IsProbed: true })
        {
            found = region.Probe.FindShort(ref MemoryMarshal.GetReference(keyword), keyword.Length);
            if (found.Count < 0)
            {
                found = region.Probe.FindOther(ref MemoryMarshal.GetReference(keyword), keyword.Length);
            }
        }

        if (found.Count < 0)
        {
            // Opens a bracket of its own, on the same thread and therefore in the same slot.
            bracket.Dispose();
            region = FindSlowly(dimension, keyword, out FoundPostings foundSlowly);
            found = foundSlowly;
        }
        else if (!bracket.TryCount(_tallyNumber))
        {
            LookAtUse(region!, bracket.Slot);
        }

        return new EntryAccess(bracket, region!, found.First, (int)found.Count);
    }

    /// <summary>
    /// Finds entries in all dimensions, or in some, and copies them out, lazily, ascending by dimension. An entry comes once for each of its keywords that match.
    /// Dimensions that were evicted are loaded again for it.
    /// </summary>
    /// <param name="keyword">A keyword, the beginning of one, or a pattern; in any case.</param>
    /// <param name="match">Which of these it is.</param>
    /// <param name="dimensions">Where to look. Each of these must be able to answer. Null looks everywhere and passes over what failed or was unloaded; <see cref="GetDimensions"/> tells which.</param>
    /// <exception cref="ObjectDisposedException">The store is closed, also while the entries are enumerated.</exception>
    public IEnumerable<FoundEntry> FindEntries(string keyword, KeywordMatch match = KeywordMatch.Exact, IReadOnlyCollection<DimensionId>? dimensions = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(keyword);
        if (match is not (KeywordMatch.Exact or KeywordMatch.Prefix or KeywordMatch.Wildcard))
        {
            throw new ArgumentOutOfRangeException(nameof(match), match, "Expected Exact, Prefix or Wildcard.");
        }

        ThrowIfClosed();
        if (dimensions is not null)
        {
            foreach (DimensionId id in dimensions)
            {
                RequireValid(id);
            }
        }

        return Enumerate(keyword, match, dimensions);
    }

    private IEnumerable<FoundEntry> Enumerate(string keyword, KeywordMatch match, IReadOnlyCollection<DimensionId>? dimensions)
    {
        // Folded once for all dimensions. What is kept between two of them is bytes, because spans cannot wait for the next call.
        byte[]? folded = FoldQuery(keyword, match);
        if (folded is null)
        {
            yield break;
        }

        // Numbers rather than ids: the runtime has compiled code for collections of them, so that the first search need not wait for the compiler.
        foreach (int number in dimensions is null ? SearchedDimensions() : [.. dimensions.Select(static id => id.Value).Distinct().Order()])
        {
            DimensionId id = new(number);

            // All of one dimension at a time: a bracket must not stay open while the caller does with an entry what it likes.
            List<FoundEntry>? found = Collect(id, keyword, folded, match, isRequired: dimensions is not null);
            foreach (FoundEntry entry in found ?? [])
            {
                yield return entry;
            }
        }
    }

    private static byte[]? FoldQuery(string keyword, KeywordMatch match)
    {
        if (match == KeywordMatch.Wildcard)
        {
            return WildcardPattern.Fold(keyword);
        }

        Span<byte> buffer = stackalloc byte[FoldedKeyword.BufferBytes];

        // Scalar by scalar: the vector code is compiled anew in every process, which takes longer than the search.
        int length = KeywordFolding.FoldScalars(keyword, buffer);
        return length < 0 ? null : buffer[..length].ToArray();
    }

    private int[] SearchedDimensions()
    {
        lock (_gate)
        {
            ThrowIfClosed();
            List<int> numbers = [];
            foreach (DimensionRecord record in _records.Values)
            {
                if (record.State is DimensionState.Loaded or DimensionState.Simulated || record.LoadsOnDemand)
                {
                    numbers.Add(record.Id.Value);
                }
            }

            return [.. numbers];
        }
    }

    private List<FoundEntry>? Collect(DimensionId id, string keyword, byte[] folded, KeywordMatch match, bool isRequired)
    {
        int layers = 0;
        while (true)
        {
            try
            {
                ReloadIfEvicted(id);
                MakeReady(id, layers, null);
            }
            catch (Exception exception) when (!isRequired && exception is RegionNotFoundException or DimensionNotFoundException)
            {
                // Somebody took it out between listing and looking.
                return null;
            }

            if (TryCollect(id, keyword, folded, match, out List<FoundEntry> found, out layers))
            {
                return found;
            }
        }
    }

    /// <summary>Collects matches of one dimension; false when it is not there now, or when the layers named must be decompressed first.</summary>
    [SkipLocalsInit]
    private bool TryCollect(DimensionId id, string keyword, byte[] folded, KeywordMatch match, out List<FoundEntry> found, out int missingLayers)
    {
        found = [];
        missingLayers = 0;
        using ReadBracket bracket = ReaderRegistry.Enter();
        LoadedRegion?[] table = _table;
        if (id.Value >= table.Length || table[id.Value] is not { } region)
        {
            return false;
        }

        if (!bracket.TryCount(_tallyNumber))
        {
            LookAtUse(region, bracket.Slot);
        }

        StampUse(region, 1);
        if (!region.HasIndex)
        {
            foreach ((string name, int layer) in region.PlainKeywords.Find(match, folded))
            {
                missingLayers |= Add(found, region, name, layer);
            }
        }
        else if (match == KeywordMatch.Exact)
        {
            Span<byte> buffer = stackalloc byte[FoldedKeyword.BufferBytes];
            if (region.Index.TryFind(FoldedKeyword.Create(folded, buffer), out PostingList postings))
            {
                missingLayers = Add(found, region, Encoding.UTF8.GetString(region.Index.DisplayOf(postings)), postings);
            }
        }
        else
        {
            KeywordCursor cursor = match == KeywordMatch.Prefix ? region.Index.FindPrefix(keyword) : region.Index.FindWildcard(keyword);
            while (missingLayers == 0 && cursor.MoveNext())
            {
                missingLayers = Add(found, region, Encoding.UTF8.GetString(cursor.Keyword), cursor.Postings);
            }
        }

        GC.KeepAlive(region);
        return missingLayers == 0;
    }

    private static int Add(List<FoundEntry> found, LoadedRegion region, string keyword, PostingList postings)
    {
        for (int i = 0; i < postings.Count; i++)
        {
            EntryLocation location = postings[i];
            if (((region.PendingLayers >> location.Layer) & 1) != 0)
            {
                // All that are missing at once, so that the search is repeated once and not once a layer.
                return region.PendingLayers;
            }

            found.Add(new FoundEntry(region.Record.Id, location.Layer, keyword, location.Offset, location.Length, region.ContentAt(location).ToArray(), region.IsSimulated));
        }

        return 0;
    }

    private static unsafe int Add(List<FoundEntry> found, LoadedRegion region, string keyword, int layer)
    {
        if (!region.TryGetLayer(layer, out byte* address, out int length))
        {
            return region.PendingLayers;
        }

        found.Add(new FoundEntry(region.Record.Id, layer, keyword, 0, length, new ReadOnlySpan<byte>(address, length).ToArray(), region.IsSimulated));
        return 0;
    }

    /// <summary>
    /// The careful way: for keywords beyond ASCII, and for dimensions that are not ready, are not there, have no index or a damaged one.
    /// Returns with a bracket open on this thread. A negative count stands for whole layers: its complement has a bit for each.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    [SkipLocalsInit]
    private LoadedRegion FindSlowly(DimensionId id, ReadOnlySpan<char> keyword, out FoundPostings found)
    {
        Span<byte> buffer = stackalloc byte[FoldedKeyword.BufferBytes];
        FoldedKeyword folded = FoldedKeyword.Create(keyword, buffer);
        while (true)
        {
            if (TryFind(id, folded, out found, out int missingLayers) is { } region)
            {
                return region;
            }

            MakeReady(id, missingLayers, null);
        }
    }

    /// <summary>Looks a keyword up in a dimension that is there, and leaves a bracket open; null when it is not there, or when layers of the answer must be decompressed first.</summary>
    private unsafe LoadedRegion? TryFind(DimensionId id, scoped FoldedKeyword keyword, out FoundPostings found, out int missingLayers)
    {
        missingLayers = 0;
        found = default;
        ReadBracket bracket = ReaderRegistry.Enter();
        LoadedRegion?[] table = _table;
        if ((uint)id.Value >= (uint)table.Length || table[id.Value] is not { } region)
        {
            bracket.Dispose();
            return null;
        }

        try
        {
            if (!bracket.TryCount(_tallyNumber))
            {
                LookAtUse(region, bracket.Slot);
            }

            if (!region.HasIndex)
            {
                int layers = keyword.IsValid ? region.PlainKeywords.Find(keyword.Bytes) : 0;
                missingLayers = layers & region.PendingLayers;
                found = new FoundPostings(null, layers == 0 ? 0 : ~layers);
            }
            else
            {
                region.Index.TryFind(keyword, out PostingList postings);
                if (region.PendingLayers != 0)
                {
                    missingLayers = region.PendingAmong(postings);
                }

                // The postings lie in the mapping, which the bracket holds: they do not move.
                found = new FoundPostings((byte*)Unsafe.AsPointer(ref postings.First), postings.Count);
            }
        }
        catch
        {
            bracket.Dispose();
            throw;
        }

        if (missingLayers == 0)
        {
            return region;
        }

        bracket.Dispose();
        return null;
    }

    /// <summary>Loads a dimension again that left memory for the budget's sake. What somebody unloaded stays out.</summary>
    private void ReloadIfEvicted(DimensionId id)
    {
        if (TryRecordOf(id) is not { LoadsOnDemand: true, State: DimensionState.NotLoaded })
        {
            return;
        }

        using MutationScope mutation = new(this);
        ThrowIfClosed();
        FreeParked();
        if (TryRecordOf(id) is { LoadsOnDemand: true, State: DimensionState.NotLoaded, FilePath: { } path })
        {
            LoadFile(id, path);
        }
    }
}
