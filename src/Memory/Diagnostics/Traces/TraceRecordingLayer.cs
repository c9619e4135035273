using System.Numerics;

namespace DimensionStore.Memory;

/// <summary>
/// Records what a program asks of an allocator, as a trace that <see cref="TraceReplayer"/> replays with any other. Thread-safe where the allocator beneath is.
/// </summary>
/// <remarks>
/// One lock is held around each operation and its record, so that the trace's order is the order in which things happened; recording is thus for finding out, not for
/// production. Costs some 100 ns an operation and managed memory for each live block. Blocks that were allocated before the layer was put around the allocator, and blocks above 4 GiB,
/// which the format cannot state, pass through unrecorded. The 256th thread and all behind it share a number. An allocation that is both aligned above 16 and zeroed is recorded as
/// aligned.
/// </remarks>
public sealed class TraceRecordingLayer : AllocatorLayer
{
    private readonly Lock _lock = new();
    private readonly AllocationTraceWriter _writer;
    private readonly Dictionary<nint, (uint Id, uint Size)> _live = [];
    private readonly Stack<uint> _freeIds = [];
    private readonly Dictionary<int, byte> _threads = [];
    private uint _nextId;
    private Exception? _failure;
    private bool _isComplete;

    /// <summary>Puts the recorder around an allocator.</summary>
    /// <param name="inner">The allocator; disposed with the layer.</param>
    /// <param name="path">The file to be; it appears with <see cref="Complete"/>.</param>
    /// <param name="compress">Whether to pack it with gzip; by default when the name ends in <c>.gz</c>.</param>
    /// <exception cref="IOException">No file can be made there.</exception>
    public TraceRecordingLayer(MemoryAllocator inner, string path, bool? compress = null)
        : base(inner)
    {
        try
        {
            _writer = new AllocationTraceWriter(path, compress);
        }
        catch
        {
            Withdraw();
            throw;
        }
    }

    /// <summary>Records so far.</summary>
    public int RecordCount
    {
        get
        {
            lock (_lock)
            {
                return _writer.Count;
            }
        }
    }

    /// <summary>Allocations that the format cannot state and that are not in the trace.</summary>
    public long UnrecordedAllocations { get; private set; }

    /// <summary>Ends the recording and puts the trace under its name. What is live stays live, and what comes later is not recorded.</summary>
    /// <exception cref="InvalidOperationException">It is complete already.</exception>
    /// <exception cref="IOException">The trace could not be written, now or during the recording; no file appears.</exception>
    public void Complete()
    {
        lock (_lock)
        {
            if (_isComplete)
            {
                throw new InvalidOperationException($"{_writer.FilePath} is complete.");
            }

            if (_failure is not null)
            {
                throw new IOException($"{_writer.FilePath}: recording ended after {_writer.Count:N0} records: {_failure.Message}", _failure);
            }

            _writer.Complete();
            _isComplete = true;
        }
    }

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        lock (_lock)
        {
            nint address = Inner.Allocate(size, alignment, options, owner);
            RecordAllocation(address, size, alignment, options);
            return address;
        }
    }

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        lock (_lock)
        {
            if (!Inner.TryAllocate(size, out address, alignment, options, owner))
            {
                return false;
            }

            RecordAllocation(address, size, alignment, options);
            return true;
        }
    }

    /// <inheritdoc/>
    public override void Free(nint address)
    {
        lock (_lock)
        {
            Inner.Free(address);
            RecordFree(address);
        }
    }

    /// <inheritdoc/>
    public override void FreeSized(nint address, nuint size)
    {
        lock (_lock)
        {
            Inner.FreeSized(address, size);
            RecordFree(address);
        }
    }

    /// <inheritdoc/>
    public override nint Reallocate(nint address, nuint size, OwnerId owner = default)
    {
        lock (_lock)
        {
            nint moved = Inner.Reallocate(address, size, owner);
            RecordReallocation(address, moved, size);
            return moved;
        }
    }

    /// <inheritdoc/>
    protected internal override bool TryResizeInPlace(nint address, nuint size)
    {
        lock (_lock)
        {
            bool done = Inner.TryResizeInPlace(address, size);
            if (done)
            {
                RecordReallocation(address, address, size);
            }

            return done;
        }
    }

    internal override long FreeCollected(nint core, OwnerId owner, MemoryAllocator collector)
    {
        lock (_lock)
        {
            nint address = Inner.AddressAbove(core, collector);
            long bytes = Inner.FreeCollected(core, owner, collector);
            if (bytes > 0)
            {
                RecordFree(address);
            }

            return bytes;
        }
    }

    /// <inheritdoc/>
    /// <remarks>Recorded as a free of every live block.</remarks>
    public override void Reset()
    {
        lock (_lock)
        {
            // Sorted before anything has changed, since that takes memory.
            (uint Id, uint Size)[] blocks = [.. _live.Values.OrderBy(block => block.Id)];
            Inner.Reset();
            foreach ((uint id, uint size) in blocks)
            {
                EndId(id, size);
            }

            _live.Clear();
        }
    }

    /// <inheritdoc/>
    /// <remarks>Without <see cref="Complete"/> before, what was recorded is dropped and no file appears.</remarks>
    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            if (disposing)
            {
                _isComplete = true;
                _writer.Dispose();
            }
        }

        base.Dispose(disposing);
    }

    private void RecordAllocation(nint address, nuint size, nuint alignment, AllocationOptions options)
    {
        int alignmentLog2 = BitOperations.Log2(alignment);
        if (_isComplete || size > uint.MaxValue || alignmentLog2 > AllocationTrace.MaxAlignmentLog2)
        {
            UnrecordedAllocations += _isComplete ? 0 : 1;
            return;
        }

        if (!TryMakeRoom())
        {
            return;
        }

        uint id = _freeIds.TryPop(out uint used) ? used : _nextId++;
        bool isAligned = alignment > DefaultAlignment;
        TraceOperation operation = isAligned ? TraceOperation.AllocateAligned
            : (options & AllocationOptions.Zeroed) != 0 ? TraceOperation.AllocateZeroed
            : TraceOperation.Allocate;
        _live[address] = (id, (uint)size);
        Write(operation, (ushort)(isAligned ? alignmentLog2 : 0), id, (uint)size);
    }

    private void RecordReallocation(nint address, nint moved, nuint size)
    {
        if (!_live.Remove(address, out (uint Id, uint Size) block))
        {
            return;
        }

        if (size > uint.MaxValue)
        {
            // For the trace the object ends here, since it cannot state what it has become.
            EndId(block.Id, block.Size);
            UnrecordedAllocations++;
            return;
        }

        Write(TraceOperation.Reallocate, 0, block.Id, (uint)size);
        _live[moved] = (block.Id, (uint)size);
    }

    private void RecordFree(nint address)
    {
        if (_live.Remove(address, out (uint Id, uint Size) block))
        {
            EndId(block.Id, block.Size);
        }
    }

    private void EndId(uint id, uint size)
    {
        Write(TraceOperation.Free, 0, id, size);
        _freeIds.Push(id);
    }

    /// <summary>Makes room for a block more, and for its id once it is free again, so that no free needs memory. Where there is none, recording ends.</summary>
    private bool TryMakeRoom()
    {
        try
        {
            TableRoom.Make(_freeIds, _live.Count + 1);
            TableRoom.Make(_live, 1);
            return true;
        }
        catch (OutOfMemoryException failure)
        {
            _failure ??= failure;
            return false;
        }
    }

    private void Write(TraceOperation operation, ushort alignmentLog2, uint id, uint size)
    {
        if (_isComplete || _failure is not null)
        {
            return;
        }

        try
        {
            if (!_threads.TryGetValue(Environment.CurrentManagedThreadId, out byte thread))
            {
                thread = (byte)Math.Min(_threads.Count, AllocationTrace.MaxThreads - 1);
                _threads.Add(Environment.CurrentManagedThreadId, thread);
            }

            _writer.Write(new TraceRecord(operation, thread, alignmentLog2, id, size));
        }
        catch (Exception failure) when (failure is IOException or InvalidOperationException or OutOfMemoryException)
        {
            // The program that is recorded did nothing wrong and must go on; Complete tells.
            _failure = failure;
        }
    }
}
