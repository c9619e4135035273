using System.Numerics;
using System.Runtime.CompilerServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>The way in: a block from beneath or from guard pages, its guards, and its record.</summary>
public sealed unsafe partial class DiagnosticLayer
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    private nint Take(nuint size, nuint alignment, AllocationOptions options, OwnerId owner, int site, bool throws)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        if (!BitOperations.IsPow2(alignment))
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, "Alignment must be a power of two.");
        }

        options.ThrowIfUndefined();
        CheckThread();
        if (!_isCollectedBeneath || owner == OwnerId.None)
        {
            return TakeAndEnter(size, alignment, options, owner, site, throws);
        }

        _underWay.Begin();
        try
        {
            return TakeAndEnter(size, alignment, options, owner, site, throws);
        }
        finally
        {
            _underWay.End();
        }
    }

    private nint TakeAndEnter(nuint size, nuint alignment, AllocationOptions options, OwnerId owner, int site, bool throws)
    {
        int resets = Volatile.Read(ref _resetsEnded);
        BlockRecord record = default;
        bool onPages = _pages is not null && (options & AllocationOptions.NoGrow) == 0 && _pageSample.IsChosen() && TakePages(size, alignment, owner, ref record);
        if (!onPages && !TakeInner(size, alignment, options, owner, throws, ref record))
        {
            Interlocked.Add(ref _failedAllocations, FailuresOf(options));
            return 0;
        }

        record.Requested = (long)size;
        record.Ticks = Environment.TickCount64;
        record.Owner = owner.Value;
        record.Site = site;
        record.Stack = _stackSample.IsChosen() ? _stacks.Capture() : 0;
        try
        {
            Enter(record, resets);
        }
        catch (Exception e) when (e is VirtualMemoryException or ObjectDisposedException)
        {
            _stacks.Drop(record.Stack);
            if (e is ObjectDisposedException)
            {
                (record.Place == RecordPlace.Pages ? AccountOf(record) : null)?.Release(record.Requested);
                throw;
            }

            GiveBack(record);
            Interlocked.Add(ref _failedAllocations, FailuresOf(options));
            return !throws ? 0 : throw new AllocationFailedException(Name, record.Requested, 0, owner, "the operating system refused memory for the record of the block.", e, Volatile.Read(ref _liveBytes), Inner.GetStatistics().LimitBytes);
        }

        return record.Address;
    }

    /// <summary>Places a block on pages of its own; false also when its owner may not have it, which the allocator beneath is then left to say.</summary>
    private bool TakePages(nuint size, nuint alignment, OwnerId owner, ref BlockRecord record)
    {
        if (size > (nuint)Options.GuardPageBytes)
        {
            return false;
        }

        // The allocator beneath does not see the block, so what it would charge is charged here.
        OwnerAccount? account = null;
        if (_ledger is not null && owner != OwnerId.None)
        {
            account = _ledger.HasRoom(owner, (long)size) ? _ledger.TryAccountOf(owner) : null;
            if (account is null || !account.TryReserve((long)size))
            {
                return false;
            }
        }

        (nint Start, long Bytes, nint Address) block = default;
        bool taken = false;
        try
        {
            taken = _pages!.TryTake(size, alignment, _leavePages, out block);
        }
        finally
        {
            if (!taken)
            {
                account?.ReleaseSome((long)size);
            }
        }

        if (!taken)
        {
            return false;
        }

        account?.NoteBlock();

        record = new BlockRecord { Address = block.Address, Base = block.Start, TotalBytes = block.Bytes, Place = RecordPlace.Pages };
        return true;
    }

    private bool TakeInner(nuint size, nuint alignment, AllocationOptions options, OwnerId owner, bool throws, ref BlockRecord record)
    {
        // A size that leaves no room for guards goes down as it is, to be refused there with the right error.
        nuint lead = _hasCanaries ? nuint.Max(alignment, GuardBytes.Length) : 0;
        nuint guards = _hasCanaries ? lead + GuardBytes.Length : 0;
        nuint total = size > nuint.MaxValue - guards ? size : size + guards;
        if (!Inner.TryAllocate(total, out nint start, alignment, options, owner))
        {
            // Refused once, however often it is asked for from now on.
            if (!(EmptyQuarantine() && Inner.TryAllocate(total, out start, alignment, options | AskedAgain, owner)))
            {
                if (!throws)
                {
                    return false;
                }

                start = AllocateOrExplain(size, total, alignment, options, owner);
            }
        }

        record = new BlockRecord { Address = start + (nint)lead, Base = start, TotalBytes = (long)total, Place = _hasCanaries ? RecordPlace.Guarded : RecordPlace.Plain };
        return true;
    }

    /// <summary>Asks once more, for the error, which is about the caller's size and not about that with guards.</summary>
    private nint AllocateOrExplain(nuint size, nuint total, nuint alignment, AllocationOptions options, OwnerId owner)
    {
        long requested = Saturated(size);
        try
        {
            return Inner.Allocate(total, alignment, options | AskedAgain, owner);
        }
        catch (AllocationFailedException e)
        {
            Interlocked.Add(ref _failedAllocations, FailuresOf(options));
            throw new AllocationFailedException(e.Allocator, requested, e.AvailableBytes, owner, $"with its guards it takes {total:N0} bytes, and the allocator beneath refused: {e.Message}", e, e.UsedBytes, e.TotalBytes);
        }
        catch (LimitExceededException e)
        {
            Interlocked.Add(ref _failedAllocations, FailuresOf(options));
            throw new LimitExceededException(e.LimitName, requested, e.UsedBytes, e.LimitBytes, $"With its guards the block takes {total:N0} bytes.", owner);
        }
    }

    /// <summary>Puts a new block into the table, and its guards around it: with the lock, because the memory beneath stays only as long as the shard is open.</summary>
    /// <param name="block">The block.</param>
    /// <param name="resets">How many resets had ended when the request began.</param>
    private void Enter(in BlockRecord block, int resets)
    {
        BlockRecordTable.Shard shard = _records.ShardOf(block.Address);
        shard.Lock.Enter();
        try
        {
            ThrowIfClosed(shard);
            shard.Allocations++;

            // Each reset says that it begins before it comes to this shard, so one that was not seen here waits for the lock, and then finds the block.
            if (block.Place != RecordPlace.Pages && Volatile.Read(ref _resetsBegun) != resets && Volatile.Read(ref _resettingThread) != Environment.CurrentManagedThreadId)
            {
                // The reset may have freed it beneath, or not: it counts as freed with the others, and is not touched.
                shard.Frees++;
                _stacks.Drop(block.Stack);
                return;
            }

            try
            {
                *shard.Add(block.Address) = block;
            }
            catch
            {
                shard.Allocations--;
                throw;
            }

            WriteGuards(block);
        }
        finally
        {
            shard.Lock.Exit();
        }

        CountLive(block.Requested);
    }
}
