using System.Diagnostics;
using System.Numerics;
using System.Runtime.Intrinsics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>The way in: choosing a place, committing it, marking it.</summary>
public sealed unsafe partial class TreeZoneAllocator
{
    private const long MinGrowBytes = 64 << 10;
    private const long MaxGrowBytes = 1 << 20;

    private enum Obstacle
    {
        None,
        Room,
        Limit,
        Growth,
        System,
    }

    private nint AllocateOrThrow(in Request request)
    {
        nint address = TryAllocate(request, out Outcome outcome);
        return address != 0 ? address : throw Failure(request, outcome);
    }

    private nint TryAllocate(in Request request, out Outcome outcome)
    {
        ThrowIfDisposed();
        outcome = new Outcome { Obstacle = Obstacle.Room };
        nint address = request.Size <= (nuint)_options.TotalBytes ? PlaceAnywhere(request, ref outcome) : 0;
        if (address == 0)
        {
            Interlocked.Add(ref _failedAllocations, FailuresOf(request.Options));
            return 0;
        }

        if (outcome.Look || _options.WatchLatency || IsUseNewlyHigh)
        {
            try
            {
                WatchLatency(TreeZoneOperation.Allocate, address, outcome.Ticks, _options.AllocationLimit);
                CheckPressure();
            }
            catch
            {
                // A handler failed: the caller gets its error and not the block.
                Free(address, 0, sized: false, fromHandle: true);
                throw;
            }
        }

        return address;
    }

    private nint PlaceAnywhere(in Request request, ref Outcome outcome)
    {
        for (bool trimmed = false; ; trimmed = true)
        {
            outcome.Obstacle = Obstacle.Room;
            bool committedOnly = (request.Options & AllocationOptions.NoGrow) != 0;
            int level = request.Level >= 0 ? request.Level : LevelCount - 1;
            int last = request.Level >= 0 ? request.Level : 0;
            for (; level >= last; level--)
            {
                nint address = PlaceIn(_zones[level], request, ref committedOnly, ref outcome);
                if (address != 0)
                {
                    return address;
                }
            }

            // What is committed and idle elsewhere may be just what the limit lacks.
            if (outcome.Obstacle != Obstacle.Limit || trimmed || Trim() == 0)
            {
                return 0;
            }
        }
    }

    private nint PlaceIn(TreeZone zone, in Request request, ref bool committedOnly, ref Outcome outcome)
    {
        int count = GranulesFor(request.Size);
        int alignment = Math.Max(1, (int)(request.Alignment >> LeafMap.GranuleShift));
        long charged = 0;
        long started = _options.WatchLatency || (zone.AllocationCount & SamplingMask) == 0 ? Stopwatch.GetTimestamp() : 0;
        try
        {
            while (true)
            {
                nint address = 0;
                long missing;
                long wanted;
                zone.Lock.Enter();
                try
                {
                    ThrowIfDisposed();
                    int granule = zone.Find(count, alignment, committedOnly, request.Membrane);
                    if (granule < 0)
                    {
                        bool growth = committedOnly && outcome.Obstacle == Obstacle.Room && zone.Find(count, alignment, false, request.Membrane) >= 0;
                        outcome.Obstacle = growth ? Obstacle.Growth : outcome.Obstacle;
                        return 0;
                    }

                    int firstLeaf = (granule >> LeafMap.LeafShift) & -_pageLeaves;
                    int lastLeaf = ((granule + count - 1) >> LeafMap.LeafShift) | (_pageLeaves - 1);
                    missing = _map.HaveAll(firstLeaf, lastLeaf, LeafMap.Committed) ? 0 : (long)zone.CountUncommitted(firstLeaf, lastLeaf) * LeafMap.LeafBytes;
                    if (missing <= charged)
                    {
                        if (missing > 0)
                        {
                            CommitLeaves(zone, firstLeaf, lastLeaf, ref charged);
                        }

                        Occupy(zone, granule, count, request, ref outcome);
                        outcome.Look = missing > 0 || (zone.AllocationCount & PressureMask) == 0;
                        if (started != 0)
                        {
                            outcome.Ticks = Stopwatch.GetTimestamp() - started;
                            zone.AllocationTicks += outcome.Ticks;
                            zone.AllocationSamples++;
                        }

                        if ((request.Options & AllocationOptions.Zeroed) != 0 && !outcome.IsFresh)
                        {
                            _memory.BeginUse();
                        }

                        address = AddressOf(granule);
                    }

                    wanted = address != 0 ? 0 : RoundUp(Math.Max(missing, Math.Clamp(zone.CommittedLeaves * LeafMap.LeafBytes / 8, MinGrowBytes, MaxGrowBytes)), VirtualMemory.PageSize);
                }
                finally
                {
                    zone.Lock.Exit();
                }

                if (address != 0)
                {
                    // Before the refund, which may call a handler.
                    if ((request.Options & AllocationOptions.Zeroed) != 0 && !outcome.IsFresh)
                    {
                        _memory.ClearAndEndUse(address, (nuint)count << LeafMap.GranuleShift);
                    }

                    return address;
                }

                if (_memory.TryCharge(wanted - charged))
                {
                    charged = wanted;
                }
                else if (_memory.TryCharge(missing - charged))
                {
                    charged = missing;
                }
                else
                {
                    outcome.Obstacle = Obstacle.Limit;
                    committedOnly = true;
                }
            }
        }
        catch (VirtualMemoryException e)
        {
            outcome.Obstacle = Obstacle.System;
            outcome.Cause = e;
            return 0;
        }
        finally
        {
            // Dispose has given back everything that was charged, this too.
            if (charged > 0 && !Volatile.Read(ref _disposed))
            {
                _memory.Refund(charged);
            }
        }
    }

    /// <summary>Makes a free, committed run a block with its tag. Under the zone's lock.</summary>
    private void Occupy(TreeZone zone, int granule, int count, in Request request, ref Outcome outcome)
    {
        outcome.IsFresh = _map.HaveAll(granule >> LeafMap.LeafShift, (granule + count - 1) >> LeafMap.LeafShift, LeafMap.Fresh);
        if (request.HasTag)
        {
            _tags.Prepare(granule);
        }

        Take(zone, granule, count, (int)(((nuint)count << LeafMap.GranuleShift) - request.Size));
        if (request.HasTag)
        {
            _tags.Add(granule, request.Tag, request.Movable);
        }

        zone.AllocationCount++;
        Peak.Raise(ref _peakLiveBytes, Interlocked.Add(ref _liveBytes, (long)count << LeafMap.GranuleShift));
    }

    /// <summary>Commits what is missing of a range and, with what is charged beyond that, leaves behind it. Under the zone's lock; what was charged and is not used stays charged.</summary>
    private void CommitLeaves(TreeZone zone, int firstLeaf, int lastLeaf, ref long charged)
    {
        int leaf = firstLeaf;
        while (charged > 0 && leaf < zone.EndLeaf)
        {
            int end = leaf;
            while (end < zone.EndLeaf && end - leaf < charged / LeafMap.LeafBytes && (_map.Words[end] & LeafMap.Committed) == 0)
            {
                end++;
            }

            if (end > leaf)
            {
                long bytes = (long)(end - leaf) * LeafMap.LeafBytes;
                _memory.Commit(AddressOf(leaf << LeafMap.LeafShift), bytes);
                charged -= bytes;
                _map.MarkCommitted(leaf, end - leaf);
                zone.TopLeaf = Math.Max(zone.TopLeaf, end);
                zone.CommittedLeaves += end - leaf;
                zone.IdleLeaves += end - leaf;
                zone.GrowEnded();
            }

            if (end > lastLeaf)
            {
                return;
            }

            leaf = end + 1;
        }
    }

    /// <summary>Marks a free, committed run as a block. Under the zone's lock.</summary>
    private void Take(TreeZone zone, int granule, int count, int unused)
    {
        int membrane = zone.MembraneOf(granule);
        zone.PrepareMembranes(membrane, (granule + count - 1) >> LeafMap.LeafShift);
        _map.PrepareMark(granule, count);
        MembraneTree tree = zone.Membrane(membrane);
        Vector256<int> before = tree.WordsAround(granule >> LeafMap.LeafShift);
        zone.IdleLeaves -= _map.Mark(granule, count, unused, out int left, out int right);
        zone.FreeRuns += zone.FreeBeside(granule, granule + count, left, right) - 1;
        tree.LiveBlocks++;
        tree.LiveGranules += count;
        zone.LiveBlocks++;
        zone.LiveGranules += count;
        zone.UnusedBytes += _map.UnusedOf(granule, count);
        zone.Shrink(membrane, before, granule, count, left, right);
    }

    /// <summary>Marks a block, which starts in a membrane, as free. Under the zone's lock.</summary>
    private void Release(TreeZone zone, int membrane, int granule, int count)
    {
        MembraneTree tree = zone.Membrane(membrane);
        zone.IdleLeaves += _map.Clear(granule, count, out int left, out int right);
        zone.FreeRuns += 1 - zone.FreeBeside(granule, granule + count, left, right);
        tree.LiveBlocks--;
        tree.LiveGranules -= count;
        zone.LiveBlocks--;
        zone.LiveGranules -= count;
        zone.UnusedBytes -= _map.UnusedOf(granule, count);
        zone.Grow(membrane, granule, count, left, right);
    }

    private Exception Failure(in Request request, in Outcome outcome)
    {
        Obstacle obstacle = outcome.Obstacle;
        Exception? cause = obstacle == Obstacle.System ? outcome.Cause : null;
        long requested = Saturated(request.Size);
        if (obstacle == Obstacle.Limit)
        {
            return _memory.LimitReached(requested, request.Owner);
        }

        string where = request.Level < 0 ? "any level" : request.Membrane < 0 ? $"level {request.Level}" : $"membrane {request.Membrane} of level {request.Level}";
        (long free, long longest) = FreeIn(request.Level, request.Membrane);
        if (obstacle == Obstacle.Room && free >= requested)
        {
            cause = new TreeZoneException(TreeZoneError.Fragmented, $"{free:N0} bytes are free in {where}, the longest run of them has {longest:N0}. Use movable blocks and defragment.");
        }

        string reason = obstacle switch
        {
            Obstacle.Growth => "no committed run is long enough, and the request does not allow growth.",
            Obstacle.System => "the operating system refused memory.",
            _ when cause is not null => $"no run of free memory in {where} is long enough, though {free:N0} bytes are free in pieces.",
            _ => $"no run of free memory in {where} is long enough.",
        };

        // A run may be longer than the limit lets anybody commit.
        long available = Math.Min(longest, _memory.LimitBytes);
        return new AllocationFailedException(Name, requested, available, request.Owner, reason, cause, Volatile.Read(ref _liveBytes), _memory.LimitBytes);
    }

    private (long Free, long Longest) FreeIn(int level, int membrane)
    {
        long free = 0;
        long longest = 0;
        for (int i = Math.Max(level, 0); i <= (level < 0 ? LevelCount - 1 : level); i++)
        {
            TreeZone zone = _zones[i];
            zone.Lock.Enter();
            if (!_disposed)
            {
                free += membrane < 0 ? zone.EndGranule - zone.FirstGranule - zone.LiveGranules : ((long)zone.LeafCountOf(membrane) << LeafMap.LeafShift) - (zone.Membranes[membrane]?.LiveGranules ?? 0);
                longest = Math.Max(longest, membrane < 0 ? zone.LongestFree.Max() : zone.LongestFree[membrane]);
            }

            zone.Lock.Exit();
        }

        return (free << LeafMap.GranuleShift, longest << LeafMap.GranuleShift);
    }

    private static int GranulesFor(nuint size) => (int)((size + LeafMap.GranuleBytes - 1) >> LeafMap.GranuleShift);

    /// <summary>What is asked for. Level −1: any; membrane −1: any.</summary>
    private readonly struct Request
    {
        internal readonly nuint Size;
        internal readonly nuint Alignment;
        internal readonly AllocationOptions Options;
        internal readonly OwnerId Owner;
        internal readonly int Level;
        internal readonly int Membrane;
        internal readonly int Tag;
        internal readonly bool Movable;

        internal Request(nuint size, nuint alignment, AllocationOptions options, OwnerId owner, int level = -1, int membrane = -1, int handle = -1)
        {
            ArgumentOutOfRangeException.ThrowIfZero(size);
            if (((alignment ^ DefaultAlignment) | (uint)options) != 0)
            {
                CheckUnusual(alignment, options);
            }

            Size = size;
            Alignment = alignment;
            Options = options;
            Owner = owner;
            Level = level;
            Membrane = membrane;

            // A movable block's owner is kept with its handle.
            Tag = handle >= 0 ? handle : owner.Value;
            Movable = handle >= 0;
        }

        internal bool HasTag => Movable || Tag != 0;

        private static void CheckUnusual(nuint alignment, AllocationOptions options)
        {
            if (!BitOperations.IsPow2(alignment) || alignment > MaxAlignment)
            {
                throw new ArgumentOutOfRangeException(nameof(alignment), alignment, $"The alignment must be a power of two up to {MaxAlignment:N0} bytes.");
            }

            options.ThrowIfUndefined();
        }
    }

    /// <summary>How an attempt ended.</summary>
    private struct Outcome
    {
        /// <summary>What was in the way.</summary>
        internal Obstacle Obstacle;

        /// <summary>The system's error, where that was in the way.</summary>
        internal Exception? Cause;

        /// <summary>Whether the block reads as zero already.</summary>
        internal bool IsFresh;

        /// <summary>Whether it is time to look at the pressure.</summary>
        internal bool Look;

        /// <summary>How long it took, where it was timed.</summary>
        internal long Ticks;
    }
}
