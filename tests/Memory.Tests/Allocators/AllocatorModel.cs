namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>
/// What an allocator must look like from outside: the live blocks with size, owner and fill pattern. Every step is done on both and compared.
/// Written against the contract alone, so that it fits every allocator.
/// </summary>
internal sealed unsafe class AllocatorModel(MemoryAllocator allocator)
{
    private readonly Dictionary<nint, Block> _live = [];
    private readonly List<nint> _order = [];
    private long _allocated;
    private long _freed;
    private byte _nextPattern = 1;

    internal int LiveCount => _live.Count;

    internal long Failed { get; private set; }

    internal void Run(AllocatorOperation operation)
    {
        switch (operation.Kind)
        {
            case OperationKind.Allocate:
                Allocate(operation, MemoryAllocator.DefaultAlignment, AllocationOptions.None);
                break;
            case OperationKind.AllocateZeroed:
                Allocate(operation, MemoryAllocator.DefaultAlignment, AllocationOptions.Zeroed);
                break;
            case OperationKind.AllocateNoGrow:
                long committed = allocator.GetStatistics().CommittedBytes;
                Allocate(operation, MemoryAllocator.DefaultAlignment, AllocationOptions.NoGrow);
                Assert.True(allocator.GetStatistics().CommittedBytes <= committed);
                break;
            case OperationKind.AllocateAligned:
                Allocate(operation, (nuint)1 << (operation.Pick % 13), AllocationOptions.None);
                break;
            case OperationKind.Reset:
                allocator.Reset();
                _freed += _live.Count;
                _live.Clear();
                _order.Clear();
                break;
            case OperationKind.Trim:
                AllocatorStatistics before = allocator.GetStatistics();
                long returned = allocator.Trim();
                Assert.Equal(before.BackedBytes - allocator.GetStatistics().BackedBytes, returned);
                Assert.True(returned >= before.IdleBytes, $"{before.IdleBytes} bytes were said to be idle, and trimming gave {returned} back.");
                Assert.True(returned <= before.CommittedBytes - before.LiveBytes);
                break;
            case OperationKind.FreeForeign:
                long local = 0;
                Fault(MemoryFault.ForeignFree, (nint)(&local));
                Fault(MemoryFault.ForeignFree, 0);
                Fault(MemoryFault.ForeignFree, -1);
                break;
            default:
                if (_order.Count > 0)
                {
                    OnBlock(operation, _order[operation.Pick % _order.Count]);
                }

                break;
        }
    }

    /// <summary>Compares everything that can be seen.</summary>
    internal void CheckAll()
    {
        foreach ((nint address, Block block) in _live)
        {
            CheckPattern(address, block);
        }

        AllocatorStatistics statistics = allocator.GetStatistics();
        Assert.Equal(_allocated, statistics.AllocationCount);
        Assert.Equal(_freed, statistics.FreeCount);
        Assert.Equal(_live.Count, statistics.LiveBlocks);
        Assert.Equal(statistics.AllocationCount - statistics.FreeCount, statistics.LiveBlocks);
        Assert.Equal(Failed, statistics.FailedAllocationCount);
        Assert.Equal(_live.Values.Sum(b => (long)b.Usable), statistics.LiveBytes);
        Assert.True(statistics.LiveBytes <= statistics.CommittedBytes);
        Assert.True(statistics.PeakLiveBytes >= statistics.LiveBytes);
        Assert.True(statistics.CommittedBytes <= statistics.LimitBytes);
        Assert.True(statistics.PeakCommittedBytes >= statistics.CommittedBytes);
        Assert.InRange(statistics.IdleBytes, 0, statistics.CommittedBytes - statistics.LiveBytes);
        Assert.InRange(statistics.UnbackedBytes, 0, statistics.CommittedBytes - statistics.LiveBytes - statistics.IdleBytes);
        Assert.InRange(statistics.RequestedBytes, _live.Values.Sum(b => (long)b.Size), statistics.LiveBytes);
        Assert.InRange(statistics.InternalFragmentation, 0, 1);
        Assert.InRange(statistics.ExternalFragmentation, 0, 1);
        Assert.True(statistics.MetadataBytes >= 0);

        List<BlockInfo> blocks = [.. allocator.EnumerateBlocks()];
        Assert.Equal(_live.Count, blocks.Count);
        foreach (BlockInfo info in blocks)
        {
            Assert.True(_live.TryGetValue(info.Address, out Block? block), $"0x{info.Address:x} is listed and not live.");
            Assert.Equal(block.Owner, info.Owner);
            Assert.Equal((long)block.Usable, info.UsableBytes);
            Assert.InRange(info.RequestedBytes, (long)block.Size, info.UsableBytes);
        }

        Assert.Equal(
            _live.Values.GroupBy(b => b.Owner).Select(o => (o.Key, o.Count(), o.Sum(b => (long)b.Usable))).OrderBy(o => o.Key.Value),
            blocks.GroupBy(b => b.Owner).Select(o => (o.Key, o.Count(), o.Sum(b => b.UsableBytes))).OrderBy(o => o.Key.Value));
        CheckExtents(statistics);
        CheckGroups(statistics);

        IntegrityReport report = allocator.CheckIntegrity();
        Assert.True(report.IsIntact, string.Join(Environment.NewLine, report.Violations));

        nint end = 0;
        foreach (nint address in _live.Keys.Order())
        {
            Assert.True(address >= end, $"0x{address:x} overlaps the block before it.");
            end = address + (nint)_live[address].Usable;
        }
    }

    internal void FreeAll()
    {
        foreach (nint address in _live.Keys.ToArray())
        {
            Free(address, sized: false);
        }
    }

    /// <summary>Extents ascend, do not overlap, make up what is committed, and each block lies in one of them.</summary>
    private void CheckExtents(AllocatorStatistics statistics)
    {
        MemoryExtent[] extents = [.. allocator.EnumerateExtents()];
        nint end = 0;
        foreach (MemoryExtent extent in extents)
        {
            Assert.True(extent.Bytes > 0, $"The extent at 0x{extent.Address:x} is empty.");
            Assert.True(extent.Address >= end, $"The extent at 0x{extent.Address:x} does not lie behind the one before it.");
            end = extent.Address + (nint)extent.Bytes;
        }

        Assert.Equal(statistics.CommittedBytes, extents.Sum(e => e.Bytes));
        nint[] starts = [.. extents.Select(e => e.Address)];
        foreach ((nint address, Block block) in _live)
        {
            int found = Array.BinarySearch(starts, address);
            int extent = found >= 0 ? found : ~found - 1;
            Assert.True(
                extent >= 0 && address + (nint)block.Usable <= starts[extent] + (nint)extents[extent].Bytes,
                $"The block of {block.Usable} bytes at 0x{address:x} does not lie in one extent.");
        }
    }

    /// <summary>Whatever the allocator is taken apart by, the parts make up the whole.</summary>
    private void CheckGroups(AllocatorStatistics statistics)
    {
        foreach (IGrouping<AllocatorGroupKind, AllocatorGroup> kind in allocator.GetGroups().GroupBy(g => g.Kind))
        {
            Assert.NotEqual(AllocatorGroupKind.Owner, kind.Key);
            Assert.Equal((statistics.LiveBlocks, statistics.LiveBytes), (kind.Sum(g => g.LiveBlocks), kind.Sum(g => g.LiveBytes)));
            Assert.True(kind.Sum(g => g.CommittedBytes) <= statistics.CommittedBytes);
            Assert.Equal(kind.Count(), kind.DistinctBy(g => g.Name).Count());
            Assert.All(kind, g => Assert.True(g.LiveBlocks >= 0 && g.LiveBytes >= 0 && g.FreeBlocks >= 0 && g.LimitBytes >= 0, $"{g}"));
        }
    }

    private void Allocate(AllocatorOperation operation, nuint alignment, AllocationOptions options)
    {
        nuint size = (nuint)operation.Size;
        OwnerId owner = new(operation.Owner);
        AllocatorStatistics before = allocator.GetStatistics();
        nint address = 0;
        if ((operation.Pick & 1) == 0)
        {
            if (!allocator.TryAllocate(size, out address, alignment, options, owner))
            {
                Assert.Equal(0, address);
            }
        }
        else
        {
            try
            {
                address = allocator.Allocate(size, alignment, options, owner);
            }
            catch (AllocationFailedException e)
            {
                Assert.Equal((operation.Size, owner), ((int)e.RequestedBytes, e.Owner));
            }
            catch (LimitExceededException e)
            {
                Assert.Equal(operation.Size, e.RequestedBytes);
            }
        }

        if (address == 0)
        {
            Failed++;
            AllocatorStatistics after = allocator.GetStatistics();
            Assert.Equal((before.LiveBytes, before.LiveBlocks, before.AllocationCount), (after.LiveBytes, after.LiveBlocks, after.AllocationCount));
            return;
        }

        nuint usable = allocator.UsableSize(address);
        Assert.True(usable >= size);
        Assert.Equal((nuint)0, (nuint)address % Math.Max(alignment, MemoryAllocator.DefaultAlignment));
        Assert.True(allocator.Owns(address));
        if ((options & AllocationOptions.Zeroed) != 0)
        {
            Assert.True(new ReadOnlySpan<byte>((void*)address, (int)usable).IndexOfAnyExcept((byte)0) < 0, "A zeroed block is not zero.");
        }

        Block block = new(size, usable, owner, _nextPattern);
        _nextPattern = (byte)(_nextPattern == 255 ? 1 : _nextPattern + 1);
        new Span<byte>((void*)address, (int)usable).Fill(block.Pattern);
        Assert.True(_live.TryAdd(address, block), $"0x{address:x} was handed out twice.");
        _order.Add(address);
        _allocated++;
    }

    private void OnBlock(AllocatorOperation operation, nint address)
    {
        Block block = _live[address];
        switch (operation.Kind)
        {
            case OperationKind.Free:
                Free(address, sized: false);
                break;
            case OperationKind.FreeSized:
                Free(address, sized: true);
                break;
            case OperationKind.FreeWrongSize:
                MemoryFaultException wrong = Assert.Throws<MemoryFaultException>(() => allocator.FreeSized(address, block.Usable + 1));
                Assert.Equal(MemoryFault.WrongSize, wrong.Fault);
                Assert.Equal(MemoryFault.WrongSize, Assert.Throws<MemoryFaultException>(() => allocator.FreeSized(address, 0)).Fault);
                break;
            case OperationKind.FreeTwice:
                Free(address, sized: false);
                Fault(MemoryFault.DoubleFree, address);
                break;
            case OperationKind.FreeInside:
                Fault(MemoryFault.NotABlockStart, address + 1 + (nint)((nuint)operation.Pick % nuint.Max(1, block.Usable - 1)));
                break;
            case OperationKind.Reallocate:
                Reallocate(address, block, (nuint)operation.Size);
                break;
            case OperationKind.Look:
                Assert.Equal(block.Usable, allocator.UsableSize(address));
                Assert.True(allocator.Owns(address));
                Assert.False(allocator.Owns(address + 1));
                CheckPattern(address, block);
                break;
            default:
                throw new InvalidOperationException($"{operation.Kind} is not about a block.");
        }
    }

    private void Reallocate(nint address, Block block, nuint size)
    {
        CheckPattern(address, block);
        nint moved;
        try
        {
            moved = allocator.Reallocate(address, size, block.Owner);
        }
        catch (Exception e) when (e is AllocationFailedException or LimitExceededException)
        {
            Failed++;
            Assert.True(allocator.Owns(address));
            CheckPattern(address, block);
            return;
        }

        nuint usable = allocator.UsableSize(moved);
        Assert.True(usable >= size);
        int kept = (int)nuint.Min(size, block.Size);
        Assert.True(new ReadOnlySpan<byte>((void*)moved, kept).IndexOfAnyExcept(block.Pattern) < 0, $"Reallocating the block at 0x{address:x} from {block.Size} to {size} bytes lost its contents.");
        if (moved != address)
        {
            _allocated++;
            _freed++;
            Assert.False(allocator.Owns(address));
            Assert.True(_live.TryAdd(moved, block), $"0x{moved:x} was handed out twice.");
            _live.Remove(address);
            _order[_order.IndexOf(address)] = moved;
        }

        new Span<byte>((void*)moved, (int)usable).Fill(block.Pattern);
        _live[moved] = block with { Size = size, Usable = usable };
    }

    private void Free(nint address, bool sized)
    {
        Block block = _live[address];
        CheckPattern(address, block);
        if (sized)
        {
            allocator.FreeSized(address, block.Size);
        }
        else
        {
            allocator.Free(address);
        }

        _live.Remove(address);
        _order.Remove(address);
        _freed++;
        Assert.False(allocator.Owns(address));
    }

    private void Fault(MemoryFault expected, nint address)
    {
        MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => allocator.Free(address));
        Assert.Equal((expected, address), (fault.Fault, fault.Address));
        Assert.Throws<MemoryFaultException>(() => allocator.UsableSize(address));
        Assert.False(allocator.Owns(address));
    }

    private static void CheckPattern(nint address, Block block)
    {
        int wrong = new ReadOnlySpan<byte>((void*)address, (int)block.Usable).IndexOfAnyExcept(block.Pattern);
        Assert.True(wrong < 0, $"Byte {wrong} of the block at 0x{address:x} has changed under its owner.");
    }

    private sealed record Block(nuint Size, nuint Usable, OwnerId Owner, byte Pattern);
}
