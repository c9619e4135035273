namespace DimensionStore.Memory;

/// <summary>The check of everything the slabs believe about themselves.</summary>
internal sealed unsafe partial class SlabEngine
{
    /// <summary>The slab that a block lies in, so that a test can damage it and see the check find it.</summary>
    internal Slab* SlabOf(nint address) => _units[(nuint)(address - _base) >> SlabChunks.UnitShift].Slab;

    /// <summary>Checks with the threads stopped, and returns how many blocks were looked at.</summary>
    internal long CheckLocked(List<string> violations)
    {
        StopThreadsLocked();
        try
        {
            long blocks = 0;
            long[] live = new long[_classes.Length];
            HashSet<nint> listed = ListedSlabs(violations);
            Expect(violations, _chunks.AreCountsRight(), "The counts of idle and resident units are not what the maps of units say.");
            int end = _chunks.UsedChunks * SlabChunks.UnitsPerChunk;
            for (int unit = 0; unit < end;)
            {
                Slab* slab = _units[unit].Slab;
                Expect(violations, slab != null || _chunks.IsFree(unit), $"Unit {unit} has no slab and is not free.");
                if (slab == null)
                {
                    Expect(violations, _units[unit].Heap == null, $"Unit {unit} has no slab but an owner.");
                    unit++;
                    continue;
                }

                if (slab->FirstUnit != unit || slab->Units == 0 || slab->Class >= _classes.Length)
                {
                    violations.Add($"Unit {unit}: its slab claims to be {slab->Units} units of class {slab->Class} from unit {slab->FirstUnit} on.");
                    unit++;
                    continue;
                }

                CheckUnits(slab, violations);
                CheckSlab(slab, listed, violations, live);
                blocks += slab->Capacity;
                unit += slab->Units;
            }

            Expect(violations, listed.Count == 0, $"{listed.Count} slabs are in a list and not in the table of units.");
            for (int i = 0; i < _classes.Length; i++)
            {
                (long allocated, long freed, _) = CountLocked((uint)i);
                Expect(violations, allocated - freed == live[i], $"Blocks of {_classes[i].BlockBytes:N0} bytes: {allocated:N0} allocated less {freed:N0} freed is not the {live[i]:N0} live.");
            }

            return blocks;
        }
        finally
        {
            LetThreadsGoLocked();
        }
    }

    /// <summary>Bytes committed for slabs, by the units.</summary>
    internal long CommittedLocked()
    {
        long committed = 0;
        for (int unit = 0; unit < _chunks.UsedChunks * SlabChunks.UnitsPerChunk; unit++)
        {
            committed += _chunks.IsCommitted(unit) ? SlabChunks.UnitBytes : 0;
        }

        return committed;
    }

    private static void Expect(List<string> violations, bool holds, string violation)
    {
        if (!holds)
        {
            violations.Add(violation);
        }
    }

    private HashSet<nint> ListedSlabs(List<string> violations)
    {
        HashSet<nint> listed = [];
        foreach (nint heap in _heaps)
        {
            for (uint i = 0; heap != 0 && i < (uint)_classes.Length; i++)
            {
                SlabBin* bin = SlabHeap.Bin((SlabHeap*)heap, i);
                Slab* first = SlabBin.Slabs(bin)->First;
                for (Slab* slab = first; slab != null; slab = slab->Next == first ? null : slab->Next)
                {
                    if (!listed.Add((nint)slab) || slab->Next == null || slab->Next->Previous != slab || slab->Place != SlabPlace.Listed)
                    {
                        violations.Add($"Blocks of {bin->BlockBytes:N0} bytes: the list of slabs with free blocks is damaged at unit {slab->FirstUnit}.");
                        break;
                    }
                }
            }
        }

        return listed;
    }

    private void CheckUnits(Slab* slab, List<string> violations)
    {
        SlabUnit first = _units[slab->FirstUnit];
        for (int unit = slab->FirstUnit; unit < slab->FirstUnit + slab->Units; unit++)
        {
            SlabUnit it = _units[unit];
            bool same = it.Slab == slab && it.Heap == first.Heap && it.Bin == SlabHeap.Bin(it.Heap, slab->Class) && it.Start == first.Start && it.Reciprocal == _classes[slab->Class].Reciprocal;
            Expect(violations, same && !_chunks.IsFree(unit) && _chunks.IsCommitted(unit), $"Unit {unit} does not agree with its slab of {_classes[slab->Class].BlockBytes:N0}-byte blocks.");
        }
    }

    private void CheckSlab(Slab* slab, HashSet<nint> listed, List<string> violations, long[] live)
    {
        SlabBin* bin = _units[slab->FirstUnit].Bin;
        byte* states = Slab.States(slab);
        string name = $"Slab of {bin->BlockBytes:N0}-byte blocks at unit {slab->FirstUnit}";
        BinSlabs* slabs = SlabBin.Slabs(bin);
        ulong claimed = slabs->Current == slab ? SlabBin.ClaimedBlocks(bin) : 0;
        byte* claimedStates = slabs->TaggedMask == 0 ? bin->GroupStates : BinSlabs.TaggedStates(slabs);
        int free = 0;
        int elsewhere = 0;
        for (int i = 0; i < slab->Capacity; i++)
        {
            bool isClaimed = claimed != 0 && (nuint)(states + i - claimedStates) < 64 && ((claimed >> (int)(states + i - claimedStates)) & 1) != 0;
            bool isFree = BlockState.IsFree(states[i]);
            live[slab->Class] += states[i] >= BlockState.Live ? 1 : 0;
            elsewhere += states[i] == BlockState.FreedElsewhere ? 1 : 0;
            free += isFree && !isClaimed ? 1 : 0;
            Expect(violations, isFree || states[i] is BlockState.FreedElsewhere or >= BlockState.Live, $"{name}: block {i} has the state {states[i]}, which does not exist.");
            Expect(violations, isFree || !isClaimed, $"{name}: block {i} is claimed for allocation and not free.");
            Expect(violations, !isFree || isClaimed || ((slab->GroupMask >> (i / 64)) & 1) != 0, $"{name}: block {i} is free and its group is not marked.");
        }

        Expect(violations, slab->Used == slab->Capacity - free, $"{name}: {slab->Used} of {slab->Capacity} blocks are counted as used, and {free} are free.");
        bool isListed = listed.Remove((nint)slab);
        bool inPlace = slab->Place switch
        {
            SlabPlace.Listed => isListed && free > 0,
            SlabPlace.Current => slabs->Current == slab,
            SlabPlace.Full => free == 0,
            SlabPlace.Retiring => free == slab->Capacity,
            _ => false,
        };
        Expect(violations, inPlace && isListed == (slab->Place == SlabPlace.Listed), $"{name}: it should be {slab->Place} and is not ({free} free, {elsewhere} freed by other threads).");
    }
}
