using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>The way through the lock: new slabs, empty slabs, failures.</summary>
internal sealed unsafe partial class SlabEngine
{
    private long _peakLiveBytes;
    private long _peakOutside;
    private int _colours;

    /// <summary>Allocates a block of a class, by whatever way it takes. When that fails: 0, and the obstacle.</summary>
    /// <param name="index">The class.</param>
    /// <param name="size">Bytes asked for, at most the class's.</param>
    /// <param name="options">Zeroing, growth.</param>
    /// <param name="owner">Tag.</param>
    /// <param name="before">The block's state before.</param>
    /// <param name="obstacle">What stood in the way.</param>
    /// <param name="refusal">The system's refusal, where that was it.</param>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal nint Allocate(uint index, nuint size, AllocationOptions options, OwnerId owner, out byte before, out Obstacle obstacle, out VirtualMemoryException? refusal)
    {
        SlabHeap* heap = (SlabHeap*)LastHeap.Current;
        if (heap == null || Volatile.Read(ref heap->OpenFor) != Id)
        {
            heap = HeapOfThisThread();
        }

        SlabBin* bin = SlabHeap.Bin(heap, index);
        nint address = 0;
        before = 0;
        obstacle = Obstacle.None;
        refusal = null;
        bool isEnough = false;
        bool zeroed = (options & AllocationOptions.Zeroed) != 0;
        if (SlabHeap.TryEnter(heap, Id))
        {
            address = TakeOrRefill(heap, bin, size, owner, out before);
            isEnough = heap->RetiringUnits >= RetireUnits;
            if (address != 0 && zeroed && before != BlockState.Fresh)
            {
                NativeMemory.Clear((void*)address, bin->BlockBytes);
            }

            SlabHeap.Exit(heap);
        }

        if (address == 0)
        {
            address = AllocateShared(heap, bin, size, options, owner, out before, out obstacle, ref refusal);
            if (obstacle == Obstacle.Limit && Reclaim())
            {
                address = AllocateShared(heap, bin, size, options, owner, out before, out obstacle, ref refusal);
            }
        }

        if (isEnough)
        {
            Retire(heap);
        }

        return address;
    }

    /// <summary>Gives the slabs back that a heap has set aside. Outside the heap and the lock.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal void Retire(SlabHeap* heap)
    {
        lock (Gate)
        {
            if (!_disposed)
            {
                RetireLocked(heap);
            }
        }
    }

    private nint TakeOrRefill(SlabHeap* heap, SlabBin* bin, nuint size, OwnerId owner, out byte before)
    {
        nint address = TakeAny(bin, size, owner, out before);
        return address != 0 || bin->Mask != 0 || !Refill(heap, bin) ? address : TakeAny(bin, size, owner, out before);
    }

    private nint AllocateShared(SlabHeap* heap, SlabBin* bin, nuint size, AllocationOptions options, OwnerId owner, out byte before, out Obstacle obstacle, ref VirtualMemoryException? refusal)
    {
        long charged = 0;
        bool isTight = false;
        bool hasRetired = false;
        try
        {
            while (true)
            {
                long needed;
                long batch;
                lock (Gate)
                {
                    ThrowIfDisposed();
                    bool zeroed = (options & AllocationOptions.Zeroed) != 0;
                    nint address = TakeLocked(heap, bin, size, zeroed, owner, out before);
                    if (address != 0)
                    {
                        obstacle = Obstacle.None;
                        return address;
                    }

                    RetireLocked(heap);
                    bool noGrow = (options & AllocationOptions.NoGrow) != 0;
                    int units = UnitsForNextSlab(bin, noGrow, isTight, out int unit, out needed);
                    if (unit < 0)
                    {
                        obstacle = noGrow ? Obstacle.NoGrow : Obstacle.Full;
                        return 0;
                    }

                    if (!hasRetired && _chunks.MissingUnits(unit, units) > 0)
                    {
                        // What goes back here may serve instead.
                        hasRetired = true;
                        RetireUnused(heap, bin);
                        CollectFromSleepers(heap);
                        continue;
                    }

                    if (needed <= charged)
                    {
                        if (needed > 0)
                        {
                            _chunks.Commit(unit, units, ref charged);
                        }

                        AddSlab(heap, bin, unit, units);
                        address = TakeLocked(heap, bin, size, zeroed, owner, out before);
                        obstacle = Obstacle.None;
                        return address;
                    }

                    batch = _chunks.BatchBytes(unit, units);
                }

                // Outside the lock: the budget raises events, and a handler may well come back here.
                long more = batch - charged;
                if (!_memory.TryCharge(more))
                {
                    more = needed - charged;
                    if (!_memory.TryCharge(more))
                    {
                        if (!isTight)
                        {
                            isTight = true;
                            continue;
                        }

                        before = 0;
                        obstacle = Obstacle.Limit;
                        return 0;
                    }
                }

                charged += more;
            }
        }
        catch (VirtualMemoryException e)
        {
            refusal = e;
            before = 0;
            obstacle = Obstacle.System;
            return 0;
        }
        finally
        {
            _memory.Refund(charged);
        }
    }

    /// <summary>
    /// Like <see cref="TakeOrRefill"/>, with the lock, so that a table of tags can be made. A block is zeroed here: a microsecond at most, and outside the lock a reset could make it somebody
    /// else's before.
    /// </summary>
    private nint TakeLocked(SlabHeap* heap, SlabBin* bin, nuint size, bool zeroed, OwnerId owner, out byte before)
    {
        while (true)
        {
            nint address = TakeOrRefill(heap, bin, size, owner, out before);
            if (address != 0 && zeroed && before != BlockState.Fresh)
            {
                NativeMemory.Clear((void*)address, bin->BlockBytes);
            }

            if (address != 0 || bin->Mask == 0)
            {
                return address;
            }

            Slab* slab = SlabBin.Slabs(bin)->Current;
            int bytes = slab->Capacity * sizeof(int);
            slab->Tags = (int*)_arena.Take(bytes, tags: true);
            NativeMemory.Clear(slab->Tags, (nuint)bytes);
            HideClaimed(bin);
        }
    }

    /// <summary>How large the bin's next slab is to be and where it can lie: large once it has several, small at first, and as small as a block needs when nothing else fits.</summary>
    private int UnitsForNextSlab(SlabBin* bin, bool committedOnly, bool isTight, out int unit, out long uncommittedBytes)
    {
        SlabGeometry geometry = _classes[bin->Class];
        int units = SlabBin.Slabs(bin)->Count < 4 ? geometry.SmallUnits : geometry.LargeUnits;
        unit = _chunks.Find(units, committedOnly, out uncommittedBytes);
        if (unit >= 0 && !isTight)
        {
            return units;
        }

        // What is committed already costs nothing more.
        units = (geometry.BlockBytes + SlabChunks.UnitBytes - 1) / SlabChunks.UnitBytes;
        unit = _chunks.Find(units, committedOnly: true, out uncommittedBytes);
        if (unit < 0 && !committedOnly)
        {
            unit = _chunks.Find(units, committedOnly: false, out uncommittedBytes);
        }

        return units;
    }

    private void AddSlab(SlabHeap* heap, SlabBin* bin, int unit, int units)
    {
        SlabGeometry geometry = _classes[bin->Class];
        int colour = NextColour(geometry, units);
        int capacity = geometry.BlocksIn(units, colour);
        int stateBytes = geometry.StateBytes(units, capacity);
        Slab* slab = (Slab*)_arena.Take(Slab.HeaderBytes + stateBytes);
        RaisePeakLocked();
        int missing = _chunks.MissingUnits(unit, units);
        bool isFresh = _chunks.Take(unit, units);
        byte* states = Slab.States(slab);
        NativeMemory.Fill(states, (nuint)stateBytes, BlockState.Stale);
        if (isFresh)
        {
            NativeMemory.Clear(states, (nuint)capacity);
        }

        // Pending and NextPending stay as they are: a thread that is late may still be bringing the header somewhere.
        slab->GroupMask = Valid((capacity + 63) / 64);
        slab->Used = 0;
        slab->Capacity = (ushort)capacity;
        slab->Units = (byte)units;
        slab->Class = bin->Class;
        slab->Tags = null;
        slab->SeenUse = 0;
        slab->FirstUnit = unit;
        nint start = _base + (nint)((long)unit << SlabChunks.UnitShift) + colour;
        OnNewSlab?.Invoke(start, capacity);
        for (int i = unit; i < unit + units; i++)
        {
            _units[i].Slab = slab;
            _units[i].Start = (uint)start;
            _units[i].Reciprocal = geometry.Reciprocal;
            _units[i].Bin = bin;
            Volatile.Write(ref *(nint*)&_units[i].Heap, (nint)heap);
        }

        SlabHeap.EnsureSlabs(heap, bin);
        SlabBin.Slabs(bin)->Count++;
        List(SlabBin.Slabs(bin), slab);
        GiveBackWhileGrowing(heap, missing);
    }

    /// <summary>How far into the next slab its first block lies: round and round through what is left at the end.</summary>
    private int NextColour(SlabGeometry geometry, int units)
    {
        if (_colourStep == 0)
        {
            return 0;
        }

        int unused = (units * SlabChunks.UnitBytes) - (geometry.BlocksIn(units) * geometry.BlockBytes);
        return _colours++ % ((unused / _colourStep) + 1) * _colourStep;
    }

    /// <summary>Gives empty slabs back to the units. Their places remember that blocks of that size were there.</summary>
    private void RetireLocked(SlabHeap* heap)
    {
        while (heap->Retiring != null)
        {
            Slab* slab = heap->Retiring;
            heap->Retiring = slab->Next;
            heap->RetiringUnits -= slab->Units;
            SlabBin.Slabs(SlabHeap.Bin(heap, slab->Class))->Count--;
            Forget(slab);
        }
    }

    private void Forget(Slab* slab)
    {
        for (int i = slab->FirstUnit; i < slab->FirstUnit + slab->Units; i++)
        {
            _units[i].Heap = null;
            _units[i].Bin = null;
            _units[i].Slab = null;
        }

        _chunks.Return(slab->FirstUnit, slab->Units);
        if (slab->Tags != null)
        {
            _arena.Return(slab->Tags, slab->Capacity * sizeof(int), tags: true);
            slab->Tags = null;
        }

        _arena.Return(slab, Slab.HeaderBytes + _classes[slab->Class].StateBytes(slab->Units, slab->Capacity));
    }

    /// <summary>Adds up the live bytes whenever slabs and pages have taken more memory than ever before; heights in between are seen by snapshots only, since adding up costs a microsecond.</summary>
    private void RaisePeakLocked()
    {
        long beside = Beside?.LiveBytes ?? 0;
        long outside = _memory.CommittedBytes - ((long)_chunks.IdleUnits << SlabChunks.UnitShift) + beside;
        if (outside > _peakOutside)
        {
            _peakOutside = outside;
            (_, _, long liveBytes) = CountLocked();
            _peakLiveBytes = Math.Max(_peakLiveBytes, liveBytes + beside);
        }
    }

    /// <summary>After the pages beside have grown: what <see cref="AddSlab"/> does, where there is something to do. Raises no events; <see cref="GiveBackBeside"/> may.</summary>
    /// <exception cref="ObjectDisposedException">The slabs are gone: their addresses may be somebody else's.</exception>
    internal void AfterGrowthBeside()
    {
        bool mayBePeak = Beside!.LiveBytes + _memory.CommittedBytes > Volatile.Read(ref _peakOutside);
        if (mayBePeak || Beside.TakenPages != Volatile.Read(ref _seenTakenPages))
        {
            int slot = ReaderRegistry.CurrentSlot.Index;
            lock (Gate)
            {
                ThrowIfDisposed();
                RaisePeakLocked();
                GiveBackWhileGrowing(slot < _heaps.Length ? (SlabHeap*)_heaps[slot] : null, 0);
            }
        }
    }

    /// <summary>The error for an allocation that failed.</summary>
    internal Exception Failure(nuint size, int blockBytes, OwnerId owner, Obstacle obstacle, VirtualMemoryException? refusal)
    {
        long requested = (long)size;
        long available = Math.Max(0, _memory.LimitBytes - _memory.ChargedBytes);
        long used;
        lock (Gate)
        {
            (_, _, long live) = CountLocked();
            used = live + (Beside?.LiveBytes ?? 0);
        }

        return obstacle switch
        {
            Obstacle.Limit => _memory.LimitReached(requested, owner),
            Obstacle.System => Refused(available, "the operating system refused memory."),
            Obstacle.NoGrow => Refused(0, $"no free block of {blockBytes:N0} bytes is committed, and the request forbids growing."),
            _ => Refused(available, "the address space for slabs is full. Free blocks, or give the allocator more capacity."),
        };

        AllocationFailedException Refused(long available, string reason) => new(Name, requested, available, owner, reason, refusal, used, _memory.LimitBytes);
    }
}
