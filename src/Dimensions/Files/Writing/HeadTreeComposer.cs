using System.Buffers.Binary;

namespace DimensionStore;

/// <summary>
/// Makes the head tree of a keyword index from keys that come in ascending order. A level's groups are written to a buffer that may spill as soon as
/// they are full; of each level only the group that is being filled is held.
/// </summary>
internal sealed class HeadTreeComposer : IDisposable
{
    // Eight to the eleventh keys is above the format's limit of 2^32 − 1.
    private const int MaxLevels = 11;

    private readonly MemoryAccount _account;
    private readonly ScratchSpace? _scratch;
    private readonly long _share;
    private readonly List<Level> _levels = [];

    /// <param name="account">Pays for the memory.</param>
    /// <param name="scratch">Where buffers spill, or null.</param>
    /// <param name="share">How much of the account's limit may be in use when a buffer grows.</param>
    public HeadTreeComposer(MemoryAccount account, ScratchSpace? scratch, long share)
    {
        _account = account;
        _scratch = scratch;
        _share = share;
    }

    /// <summary>Takes in the next key.</summary>
    /// <param name="head">Its head.</param>
    /// <param name="second">Its second head.</param>
    /// <param name="reference">Where its record lies.</param>
    /// <param name="hint">Where its first entry's bytes lie, 0 for none.</param>
    public void Add(ulong head, ulong second, uint reference, uint hint)
    {
        Level leaves = LevelAt(0);
        Span<byte> leaf = leaves.Group;
        BinaryPrimitives.WriteUInt32LittleEndian(leaf[(KeywordIndexFormat.LeafReferencesOffset + (leaves.Used * sizeof(uint)))..], reference);
        BinaryPrimitives.WriteUInt32LittleEndian(leaf[(KeywordIndexFormat.LeafHintsOffset + (leaves.Used * sizeof(uint)))..], hint);

        // The last heads of a group that becomes full go to the level above as well.
        for (int level = 0; level < MaxLevels && LevelAt(level).Add(head, second); level++)
        {
        }
    }

    /// <summary>Writes the levels from the top one down. Nothing may be added any more.</summary>
    /// <param name="sink">Where to.</param>
    /// <param name="levelCount">How many levels the layout has. Above them may be one more, with an entry too many, which is not written.</param>
    /// <param name="cancellationToken">Stops the writing.</param>
    public void Write(ImageSink sink, int levelCount, CancellationToken cancellationToken)
    {
        for (int level = 0; level < levelCount - 1; level++)
        {
            if (_levels[level].Used != 0)
            {
                (ulong head, ulong second) = _levels[level].Last;
                for (int above = level + 1; above < MaxLevels && LevelAt(above).Add(head, second); above++)
                {
                }
            }

            _levels[level].End();
        }

        if (levelCount > 0)
        {
            _levels[levelCount - 1].End();
        }

        for (int level = levelCount - 1; level >= 0; level--)
        {
            sink.Write(_levels[level].Groups, cancellationToken);
        }
    }

    /// <summary>Gives memory and scratch back.</summary>
    public void Dispose()
    {
        foreach (Level level in _levels)
        {
            level.Groups.Dispose();
        }
    }

    private Level LevelAt(int level)
    {
        if (level == _levels.Count)
        {
            _levels.Add(new Level(KeywordIndexLayout.GroupBytes(level), new SpillBuffer(_account, _scratch, _share)));
        }

        return _levels[level];
    }

    /// <summary>A level, and its group that is being filled.</summary>
    private sealed class Level(int groupBytes, SpillBuffer groups)
    {
        private readonly byte[] _group = new byte[groupBytes];

        /// <summary>The groups that are complete.</summary>
        public SpillBuffer Groups { get; } = groups;

        /// <summary>The group that is being filled.</summary>
        public Span<byte> Group => _group;

        /// <summary>How many keys it has; 0 to 7.</summary>
        public int Used { get; private set; }

        /// <summary>The last heads of a group that has some.</summary>
        public (ulong Head, ulong Second) Last
        {
            get
            {
                int at = (Used - 1) * sizeof(ulong);
                return (BinaryPrimitives.ReadUInt64LittleEndian(_group.AsSpan(at)), BinaryPrimitives.ReadUInt64LittleEndian(_group.AsSpan(KeywordIndexFormat.SecondHeadsOffset + at)));
            }
        }

        /// <summary>Adds a key's heads; true when the group became full by it.</summary>
        public bool Add(ulong head, ulong second)
        {
            Put(head, second);
            if (Used < KeywordIndexFormat.HeadsPerGroup)
            {
                return false;
            }

            Flush();
            return true;
        }

        /// <summary>Fills up the last group.</summary>
        public void End()
        {
            if (Used != 0)
            {
                while (Used < KeywordIndexFormat.HeadsPerGroup)
                {
                    Put(KeywordIndexFormat.HeadPadding, KeywordIndexFormat.HeadPadding);
                }

                Flush();
            }
        }

        private void Put(ulong head, ulong second)
        {
            int at = Used * sizeof(ulong);
            BinaryPrimitives.WriteUInt64LittleEndian(_group.AsSpan(at), head);
            BinaryPrimitives.WriteUInt64LittleEndian(_group.AsSpan(KeywordIndexFormat.SecondHeadsOffset + at), second);
            Used++;
        }

        private void Flush()
        {
            Groups.Append(_group);
            _group.AsSpan().Clear();
            Used = 0;
        }
    }
}
