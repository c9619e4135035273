namespace DimensionStore.Memory;

/// <summary>The check of everything the allocator believes about itself.</summary>
public sealed unsafe partial class PoolAllocator
{
    /// <inheritdoc/>
    /// <remarks>
    /// Stops the other threads for its duration. Checked: every committed block is either live or in exactly one place (the depot or one magazine);
    /// nothing uncommitted is live or free; counters agree with the words; committed bytes agree with the chunks and stay within the limit.
    /// </remarks>
    public override IntegrityReport CheckIntegrity()
    {
        List<string> violations = [];
        long blocks = 0;
        lock (_lock)
        {
            ThrowIfDisposed();
            StopThreadsLocked();
            try
            {
                long committed = 0;
                for (int i = 0; i < _pools.Length; i++)
                {
                    blocks += CheckPool(i, violations);
                    committed += _pools[i].CommittedBytes;
                }

                Expect(violations, committed == _committedBytes, $"The pools have {committed:N0} bytes committed, the allocator counts {_committedBytes:N0}.");
                Expect(violations, RoomLocked >= 0, $"{_committedBytes:N0} bytes are committed and {_besideBytes:N0} beside, the limit is {_limitBytes:N0}.");
                Expect(violations, _budget is null || _budget.UsedBytes >= _committedBytes, $"{_committedBytes:N0} bytes are committed, the budget knows of {_budget?.UsedBytes:N0}.");
            }
            finally
            {
                LetThreadsGoLocked();
            }
        }

        return new IntegrityReport(blocks, violations);
    }

    private static void Expect(List<string> violations, bool holds, string violation)
    {
        if (!holds)
        {
            violations.Add(violation);
        }
    }

    private long CheckPool(int index, List<string> violations)
    {
        BlockPool pool = _pools[index];
        string name = $"Pool of {pool.BlockBytes:N0}-byte blocks";
        Expect(violations, pool.SumOfChunks() == pool.CommittedBytes, $"{name}: chunks have {pool.SumOfChunks():N0} bytes committed, the pool counts {pool.CommittedBytes:N0}.");
        Expect(violations, pool.DepotCount >= 0 && pool.DepotCount <= pool.BlockCount, $"{name}: {pool.DepotCount:N0} blocks in the depot of {pool.BlockCount:N0}.");

        byte[] places = new byte[pool.KnownBlocks];
        for (int i = 0; i < pool.DepotCount; i++)
        {
            Place(pool.DepotAt(i), "the depot");
        }

        foreach (ThreadCache? cache in _caches)
        {
            if (cache is null)
            {
                continue;
            }

            Magazine* magazine = cache.MagazineOf(index);
            bool sound = magazine->Count >= 0 && magazine->Count <= magazine->Capacity;
            Expect(violations, sound, $"{name}: a magazine of {magazine->Capacity} claims to hold {magazine->Count} blocks.");
            for (int i = 0; sound && i < magazine->Count; i++)
            {
                Place(Magazine.Items(magazine)[i], "a magazine");
            }
        }

        long live = 0;
        long committed = 0;
        for (uint block = 0; block < pool.KnownBlocks; block++)
        {
            bool isLive = BlockWord.IsLive(pool.Words[block]);
            bool isCommitted = pool.IsCommitted(block);
            live += isLive ? 1 : 0;
            committed += isCommitted ? 1 : 0;
            Expect(violations, isCommitted || !isLive, $"{name}: block {block} is live and its memory is not committed.");
            Expect(violations, !isCommitted || isLive != (places[block] > 0), $"{name}: block {block} is {(isLive ? "live and also kept as free" : "neither live nor kept as free")}.");
            Expect(violations, !isLive || (long)BlockWord.Requested(pool.Words[block]) <= pool.BlockBytes, $"{name}: block {block} claims to have been asked for {BlockWord.Requested(pool.Words[block]):N0} bytes.");
        }

        (long allocated, long freed) = CountLocked(index);
        Expect(violations, allocated - freed == live, $"{name}: {allocated:N0} allocated less {freed:N0} freed is not the {live:N0} live.");
        return committed;

        void Place(uint block, string where)
        {
            if (block >= pool.KnownBlocks || !pool.IsCommitted(block))
            {
                violations.Add($"{name}: {where} holds block {block}, whose memory is not committed.");
            }
            else if (++places[block] > 1)
            {
                violations.Add($"{name}: {where} holds block {block}, which is kept as free elsewhere too.");
            }
        }
    }
}
