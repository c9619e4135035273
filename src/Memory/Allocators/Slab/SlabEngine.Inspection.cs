using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>What is there: look-ups, faults, counts, lists.</summary>
internal sealed unsafe partial class SlabEngine
{
    /// <summary>Looks a live block up. False when none starts at the address. Inside the heap or with the lock.</summary>
    internal static bool TryLook(SlabHeap* heap, nint address, out uint usableBytes, out byte state, out int slackShift)
    {
        nuint offset = (nuint)(address - heap->Base);
        usableBytes = 0;
        state = 0;
        slackShift = 0;
        if (offset >= heap->Length)
        {
            return false;
        }

        SlabUnit* unit = heap->Units + (offset >> SlabChunks.UnitShift);

        // Each once: another thread may be giving this slab back, when no block of it is live.
        SlabBin* bin = unit->Bin;
        Slab* slab = unit->Slab;
        if (bin == null || slab == null)
        {
            return false;
        }

        uint reciprocal = unit->Reciprocal;
        ulong product = (ulong)((uint)address - unit->Start) * reciprocal;
        if ((uint)product >= reciprocal || product >> 32 >= slab->Capacity)
        {
            return false;
        }

        state = Volatile.Read(ref Slab.States(slab)[product >> 32]);
        usableBytes = bin->BlockBytes;
        slackShift = bin->SlackShift;
        return state >= BlockState.Live;
    }

    /// <summary>Looks a live block up, from any thread at any time.</summary>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    internal bool Look(nint address, out uint usableBytes, out byte state, out int slackShift)
    {
        SlabHeap* heap = (SlabHeap*)LastHeap.Current;
        if (heap == null || !SlabHeap.TryEnter(heap, Id))
        {
            heap = HeapOfThisThread();
            if (!SlabHeap.TryEnter(heap, Id))
            {
                lock (Gate)
                {
                    ThrowIfDisposed();
                    return TryLook(heap, address, out usableBytes, out state, out slackShift);
                }
            }
        }

        bool found = TryLook(heap, address, out usableBytes, out state, out slackShift);
        SlabHeap.Exit(heap);
        return found;
    }

    /// <summary>Whether a block could have been asked for with a size, from its state.</summary>
    internal static bool IsSize(nuint size, uint usableBytes, byte state, int slackShift) =>
        size != 0 && size <= usableBytes && BlockState.LiveFor(size, usableBytes, slackShift) == state;

    /// <summary>
    /// Records another size for a live block if it can stay where it is: when the size fits and is at least half of the block. Compared and swapped, so that a block which another
    /// thread frees at this moment does not come back to life.
    /// </summary>
    internal bool TryResize(nint address, nuint size)
    {
        SlabHeap* heap = (SlabHeap*)LastHeap.Current;
        if (heap == null || !SlabHeap.TryEnter(heap, Id))
        {
            lock (Gate)
            {
                ThrowIfDisposed();
                return Resize(_base, _length, _units, address, size);
            }
        }

        bool fits = Resize(heap->Base, heap->Length, heap->Units, address, size);
        SlabHeap.Exit(heap);
        return fits;
    }

    private static bool Resize(nint start, nuint length, SlabUnit* units, nint address, nuint size)
    {
        nuint offset = (nuint)(address - start);
        if (offset >= length)
        {
            return false;
        }

        // Each once, as in TryLook.
        SlabUnit* unit = units + (offset >> SlabChunks.UnitShift);
        SlabBin* bin = unit->Bin;
        Slab* slab = unit->Slab;
        uint reciprocal = unit->Reciprocal;
        ulong product = (ulong)((uint)address - unit->Start) * reciprocal;
        if (bin == null || slab == null || (uint)product >= reciprocal || product >> 32 >= slab->Capacity || size > bin->BlockBytes || size < bin->BlockBytes / 2)
        {
            return false;
        }

        return TryResize(bin, Slab.States(slab) + (product >> 32), size);
    }

    /// <summary>Records another size, that fits, in the state of a block; false when the block is not live.</summary>
    internal static bool TryResize(SlabBin* bin, byte* state, nuint size)
    {
        byte seen = Volatile.Read(ref *state);
        byte resized = BlockState.LiveFor(size, bin->BlockBytes, bin->SlackShift);
        return seen >= BlockState.Live && (seen == resized || Interlocked.CompareExchange(ref *state, resized, seen) == seen);
    }

    /// <summary>Says what is wrong with an address in the slabs' range that is not a live block.</summary>
    /// <param name="address">Where the block would start.</param>
    internal MemoryFaultException FaultLocked(nint address) => FaultLocked(address, address);

    /// <summary>Like <see cref="FaultLocked(nint)"/>, for an address that was given out at some distance behind the start of its block, for so many bytes.</summary>
    internal MemoryFaultException FaultLocked(nint block, nint address, int usableBytes = 0)
    {
        nint distance = address - block;
        address = block;
        SlabUnit* unit = _units + ((nuint)(address - _base) >> SlabChunks.UnitShift);
        if (unit->Reciprocal == 0)
        {
            return new MemoryFaultException(Name, MemoryFault.NotABlockStart, address + distance, 0, OwnerId.None, "the address lies in this allocator's reservation, but no block was handed out there yet.");
        }

        int blockBytes = SlabGeometry.BlockBytesOf(unit->Reciprocal);
        long offset = (int)((uint)address - unit->Start);
        long index = Math.DivRem(offset, blockBytes, out long into);
        Slab* slab = unit->Slab;
        byte state = slab == null ? BlockState.Free : offset < 0 || index >= slab->Capacity ? BlockState.Stale : Slab.States(slab)[index];
        OwnerId owner = OwnerOf(slab, offset, index);
        usableBytes = usableBytes != 0 ? usableBytes : blockBytes;
        return BlockState.IsNew(state)
            ? new MemoryFaultException(Name, MemoryFault.NotABlockStart, address + distance, 0, OwnerId.None, $"the address lies in a slab of {blockBytes:N0}-byte blocks, but no block was handed out there yet.")
            : into != 0
                ? new MemoryFaultException(Name, MemoryFault.NotABlockStart, address + distance, usableBytes, owner, $"the address lies {into:N0} bytes into the {(state >= BlockState.Live ? "live" : "free")} block at 0x{address + distance - into:x}. Use the address that was handed out.")
                : new MemoryFaultException(Name, MemoryFault.DoubleFree, address + distance, usableBytes, owner, "the block is free already. The owner is that of its last life.");
    }

    /// <summary>Whose a block is, or was in its last life; nobody's where that is not known. Outside the heap.</summary>
    internal OwnerId OwnerOf(nint address)
    {
        lock (Gate)
        {
            if (_disposed || !Covers(address))
            {
                return OwnerId.None;
            }

            SlabUnit* unit = _units + ((nuint)(address - _base) >> SlabChunks.UnitShift);
            long offset = (int)((uint)address - unit->Start);
            return OwnerOf(unit->Slab, offset, unit->Slab == null ? 0 : offset / SlabGeometry.BlockBytesOf(unit->Reciprocal));
        }
    }

    private static OwnerId OwnerOf(Slab* slab, long offset, long index) =>
        slab == null || slab->Tags == null || offset < 0 || index >= slab->Capacity ? OwnerId.None : new OwnerId(slab->Tags[index]);

    /// <summary>Allocations, frees and usable bytes in live blocks, of all heaps. Frees are read first, so that the difference is hardly ever negative while threads run.</summary>
    internal (long Allocated, long Freed, long LiveBytes) CountLocked()
    {
        long allocated = 0;
        long freed = 0;
        long liveBytes = 0;
        for (uint i = 0; i < (uint)_classes.Length; i++)
        {
            (long classAllocated, long classFreed, _) = CountLocked(i);
            allocated += classAllocated;
            freed += classFreed;
            liveBytes += (classAllocated - classFreed) * _classes[i].BlockBytes;
        }

        return (allocated, freed, liveBytes);
    }

    /// <summary>Like <see cref="CountLocked()"/>, for one class, with the number of its slabs.</summary>
    internal (long Allocated, long Freed, int Slabs) CountLocked(uint index)
    {
        long freed = 0;
        long allocated = 0;
        int slabs = 0;
        foreach (nint heap in _heaps)
        {
            SlabBin* bin = SlabHeap.Bin((SlabHeap*)heap, index);
            freed += heap == 0 ? 0 : Volatile.Read(ref bin->Reused) + BitOperations.PopCount(bin->PutBack) + bin->Freed;
        }

        foreach (nint heap in _heaps)
        {
            if (heap != 0)
            {
                SlabBin* bin = SlabHeap.Bin((SlabHeap*)heap, index);
                BinSlabs* its = SlabBin.Slabs(bin);
                allocated += its->Claimed + bin->Reused - BitOperations.PopCount(bin->Mask | its->TaggedMask);
                slabs += its->Count;
            }
        }

        return (Math.Max(allocated, freed), freed, slabs);
    }

    /// <summary>The counters. Looks at one byte for each block there is.</summary>
    internal AllocatorStatistics SnapshotLocked()
    {
        (long allocated, long freed, long liveBytes) = CountLocked();
        _peakLiveBytes = Math.Max(_peakLiveBytes, liveBytes + (Beside?.LiveBytes ?? 0));
        long slack = 0;
        long idle = (long)_chunks.IdleUnits << SlabChunks.UnitShift;
        long unbacked = 0;
        for (int unit = 0; unit < _chunks.UsedUnits; unit++)
        {
            Slab* slab = _units[unit].Slab;
            if (slab != null)
            {
                unit = slab->FirstUnit + slab->Units - 1;
                byte* states = Slab.States(slab);
                SlabGeometry geometry = _classes[slab->Class];
                long sum = 0;
                int live = 0;
                for (int i = 0; i < slab->Capacity; i++)
                {
                    int isLive = states[i] >> 7;
                    live += isLive;
                    sum += (int)BlockState.SlackOf(states[i], (uint)geometry.BlockBytes, geometry.SlackShift) & -isLive;
                }

                slack += sum << geometry.SlackShift;
                if (live == 0)
                {
                    idle += (long)slab->Units << SlabChunks.UnitShift;
                }
                else if (!_keepsContents)
                {
                    AddFreePages(slab, ref idle, ref unbacked);
                }
            }
        }

        long heapBytes = 0;
        foreach (nint heap in _heaps)
        {
            heapBytes += heap != 0 ? SlabHeap.UsedBytes((SlabHeap*)heap) : 0;
        }

        return new AllocatorStatistics
        {
            ReservedBytes = _memory.ReservedBytes,
            CommittedBytes = _memory.CommittedBytes,
            PeakCommittedBytes = _memory.PeakCommittedBytes,
            IdleBytes = idle,
            UnbackedBytes = unbacked,
            LiveBytes = liveBytes,
            RequestedBytes = Math.Max(0, liveBytes - slack),
            PeakLiveBytes = _peakLiveBytes,
            LimitBytes = _memory.LimitBytes,
            LiveBlocks = allocated - freed,
            AllocationCount = allocated,
            FreeCount = freed,
            FailedAllocationCount = Volatile.Read(ref FailedAllocations),
            MetadataBytes = _chunks.MetadataBytes + (_chunks.UsedUnits * (long)sizeof(SlabUnit)) + _arena.UsedBytes + heapBytes,
        };
    }

    /// <summary>Adds the bytes of a slab's pages without a live block, to those that trimming would give back or to those that have no memory.</summary>
    private void AddFreePages(Slab* slab, ref long idle, ref long unbacked)
    {
        SlabPages pages = PagesOf(slab);
        for (int page = 0; page < pages.Count; page++)
        {
            switch (pages.UseOf(page))
            {
                // Trimming collects first what other threads have freed.
                case SlabPageUse.Idle or SlabPageUse.Uncollected:
                    idle += SlabPages.PageBytes;
                    break;
                case SlabPageUse.Unbacked:
                    unbacked += SlabPages.PageBytes;
                    break;
            }
        }
    }

    /// <summary>Adds the live blocks of the first slab from a unit on, and says at which unit to go on; −1 at the end.</summary>
    internal int AddBlocksLocked(int unit, List<BlockInfo> blocks)
    {
        for (; unit < _chunks.UsedUnits; unit++)
        {
            Slab* slab = _units[unit].Slab;
            if (slab == null)
            {
                continue;
            }

            SlabGeometry geometry = _classes[slab->Class];
            byte* states = Slab.States(slab);
            for (int i = 0; i < slab->Capacity; i++)
            {
                byte state = Volatile.Read(ref states[i]);
                if (state >= BlockState.Live)
                {
                    long requested = geometry.BlockBytes - ((long)BlockState.SlackOf(state, (uint)geometry.BlockBytes, geometry.SlackShift) << geometry.SlackShift);
                    OwnerId owner = slab->Tags == null ? OwnerId.None : new OwnerId(slab->Tags[i]);
                    blocks.Add(new BlockInfo(StartOf(slab) + (nint)((long)i * geometry.BlockBytes), requested, geometry.BlockBytes, owner, Age: null));
                }
            }

            return slab->FirstUnit + slab->Units;
        }

        return -1;
    }

    /// <summary>The live blocks, a slab's at a time.</summary>
    internal IEnumerable<BlockInfo> Blocks()
    {
        List<BlockInfo> blocks = [];
        for (int unit = 0; unit >= 0;)
        {
            blocks.Clear();
            lock (Gate)
            {
                ThrowIfDisposed();
                unit = AddBlocksLocked(unit, blocks);
            }

            foreach (BlockInfo block in blocks)
            {
                yield return block;
            }
        }
    }

    /// <summary>Adds the committed ranges: one for each slab, one for each run of idle units.</summary>
    internal void AddExtentsLocked(List<MemoryExtent> extents)
    {
        int end = _chunks.UsedChunks * SlabChunks.UnitsPerChunk;
        for (int unit = 0; unit < end;)
        {
            Slab* slab = _units[unit].Slab;
            int units = slab != null ? slab->Units : 1;
            if (slab != null)
            {
                extents.Add(new MemoryExtent(AddressOf(unit), (long)units << SlabChunks.UnitShift, GroupName(slab->Class)));
            }
            else if (_chunks.IsCommitted(unit))
            {
                while (unit + units < end && _units[unit + units].Slab == null && _chunks.IsCommitted(unit + units))
                {
                    units++;
                }

                extents.Add(new MemoryExtent(AddressOf(unit), (long)units << SlabChunks.UnitShift, "idle"));
            }

            unit += units;
        }
    }

    /// <summary>Adds a row for each class that is or was in use.</summary>
    internal void AddGroupsLocked(List<AllocatorGroup> groups)
    {
        long[] committed = new long[_classes.Length];
        long[] capacity = new long[_classes.Length];
        for (int unit = 0; unit < _chunks.UsedUnits; unit++)
        {
            Slab* slab = _units[unit].Slab;
            if (slab != null)
            {
                committed[slab->Class] += (long)slab->Units << SlabChunks.UnitShift;
                capacity[slab->Class] += slab->Capacity;
                unit = slab->FirstUnit + slab->Units - 1;
            }
        }

        for (int i = 0; i < _classes.Length; i++)
        {
            (long allocated, long freed, _) = CountLocked((uint)i);
            if (allocated > 0)
            {
                long live = allocated - freed;
                groups.Add(new AllocatorGroup(AllocatorGroupKind.SizeClass, GroupName(i), live, live * _classes[i].BlockBytes, Math.Max(0, capacity[i] - live), committed[i], 0));
            }
        }
    }

    private string GroupName(int index) => $"{_classes[index].BlockBytes} B";

    /// <summary>Address of a slab's block 0.</summary>
    private nint StartOf(Slab* slab)
    {
        nint first = AddressOf(slab->FirstUnit);
        return first + (nint)(_units[slab->FirstUnit].Start - (uint)first);
    }

    private nint AddressOf(int unit) => _base + (nint)((long)unit << SlabChunks.UnitShift);
}
