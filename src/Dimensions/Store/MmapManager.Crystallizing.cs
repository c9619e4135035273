using System.Text;
using DimensionStore.Memory;

namespace DimensionStore;

/// <content>Proto-dimensions: collected in the pool, crystallized into files of the reserve.</content>
public sealed partial class MmapManager
{
    private const int MaxNameBytes = 64;
    private const int FirstReserveId = 15;

    // A pool commits more than one block at a time; room is made for about as much.
    private const long PoolGrowthBytes = 1 << 20;

    private readonly HashSet<ProtoDimension> _prototypes = [];

    /// <summary>Begins a dimension whose entries are collected in pool memory.</summary>
    /// <param name="name">Its name: 1 to 64 bytes of UTF-8.</param>
    /// <param name="userSpecific">Whether it goes into the user partition, with a number from <see cref="DimensionLayout.FirstUserId"/> on.</param>
    /// <exception cref="ObjectDisposedException">The store is closed.</exception>
    public ProtoDimension CreateProtoDimension(string name, bool userSpecific = false)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (Encoding.UTF8.GetByteCount(name) > MaxNameBytes)
        {
            throw new ArgumentException($"A dimension's name has 1 to {MaxNameBytes} bytes of UTF-8; '{name}' has {Encoding.UTF8.GetByteCount(name)}.", nameof(name));
        }

        ProtoDimension proto = new(this, name, userSpecific, userSpecific ? Config.Layout.UserBytes : Config.Layout.SharedReserveBytes);
        lock (_gate)
        {
            ThrowIfClosed();
            _prototypes.Add(proto);
        }

        return proto;
    }

    /// <summary>Writes a proto-dimension to a file in the reserve, loads it, and gives its pool memory back.</summary>
    /// <param name="proto">What to write; disposed on success, untouched on failure.</param>
    /// <param name="id">D15 or above, in the partition of the proto-dimension; null takes the first free one.</param>
    /// <exception cref="ArgumentOutOfRangeException">The number is a core dimension's or belongs to the other partition.</exception>
    /// <exception cref="DimensionFileExistsException">There is such a dimension already.</exception>
    /// <exception cref="InvalidEntryException">Nothing was collected.</exception>
    /// <exception cref="LimitExceededException">The partition or the budget has no room. No file was left.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="ObjectDisposedException">The store is closed, or the proto-dimension was crystallized or disposed.</exception>
    public DimensionStatus Crystallize(ProtoDimension proto, DimensionId? id = null)
    {
        ArgumentNullException.ThrowIfNull(proto);
        if (!proto.IsOf(this))
        {
            throw new ArgumentException("This proto-dimension was made by another store, whose pool holds its bytes.", nameof(proto));
        }

        using MutationScope mutation = new(this);
        ThrowIfClosed();
        FreeParked();
        DimensionId target = id ?? FirstFree(proto.IsUserSpecific);
        CheckPartition(target, proto.IsUserSpecific);
        string path = Path.Combine(_basePath, target.FileName);
        if (Path.Exists(path) || TryRecordOf(target) is not null)
        {
            throw new DimensionFileExistsException(TryRecordOf(target)?.FilePath ?? path);
        }

        // What is known before writing is refused before writing; the writer holds the file to the partition's rest, and loading to the budget.
        CheckPlace(target, proto.ContentBytes);
        CheckRoom(target, WholePages(proto.ContentBytes));
        Directory.CreateDirectory(_basePath);
        proto.WriteTo(path, target, FreeBytesOf(target));
        DimensionStatus status;
        try
        {
            status = LoadFile(target, path);
        }
        catch
        {
            File.Delete(path);
            throw;
        }

        proto.Dispose();
        Blocks.Trim();
        return status;
    }

    /// <summary>A pool block for a proto-dimension; evicts when the budget asks for it.</summary>
    internal nint AllocateBlock(int size)
    {
        ThrowIfClosed();
        if (Budget.UsedBytes + size < _thresholdBytes && Blocks.TryAllocate((nuint)size, out nint address, owner: BlockOwner))
        {
            return address;
        }

        using MutationScope mutation = new(this);
        ThrowIfClosed();
        FreeParked();
        try
        {
            long growth = Math.Max(WholePages(size), PoolGrowthBytes);
            MakeRoom(default, growth, replaces: false);
            Budget.Release(growth);
        }
        catch (LimitExceededException)
        {
            // Not room for a whole growth step. The pool may still have a free block, or it says itself what it lacks.
        }

        return Blocks.Allocate((nuint)size, owner: BlockOwner);
    }

    /// <summary>Gives a block back, unless the store took the whole pool back meanwhile.</summary>
    internal void FreeBlock(nint block)
    {
        using MutationScope mutation = new(this);
        if (!_closed)
        {
            Blocks.Free(block);
        }
    }

    /// <summary>Knows a proto-dimension no more.</summary>
    internal void Forget(ProtoDimension proto)
    {
        lock (_gate)
        {
            _prototypes.Remove(proto);
        }
    }

    private void AbandonPrototypes()
    {
        List<ProtoDimension> prototypes;
        lock (_gate)
        {
            prototypes = [.. _prototypes];
            _prototypes.Clear();
        }

        prototypes.ForEach(static p => p.Abandon());
    }

    private DimensionId FirstFree(bool userSpecific)
    {
        int end = userSpecific ? DimensionId.MaxValue + 1 : Config.Layout.FirstUserId;
        for (int value = userSpecific ? Config.Layout.FirstUserId : FirstReserveId; value < end; value++)
        {
            DimensionId id = new(value);
            if (TryRecordOf(id) is null && !Path.Exists(Path.Combine(_basePath, id.FileName)))
            {
                return id;
            }
        }

        throw new LimitExceededException(userSpecific ? "numbers of the user partition" : "numbers of the reserve partition", 1, end - FirstReserveId, end - FirstReserveId, "Remove a dimension's file.");
    }

    private void CheckPartition(DimensionId id, bool userSpecific)
    {
        RequireValid(id);
        if (id.Value < FirstReserveId)
        {
            throw new ArgumentOutOfRangeException(nameof(id), id.Value, $"D01 to D14 are core dimensions; a crystallized one has a number from {FirstReserveId} on.");
        }

        if (Config.Layout.IsUserSpecific(id) != userSpecific)
        {
            int first = Config.Layout.FirstUserId;
            throw new ArgumentOutOfRangeException(nameof(id), id.Value, userSpecific ? $"A user-specific dimension has a number from {first} on." : $"Numbers from {first} on are for user-specific dimensions; expected {FirstReserveId} to {first - 1}.");
        }
    }

    private long FreeBytesOf(DimensionId id)
    {
        lock (_gate)
        {
            return Config.Layout.MaxBytesOf(id) - TakenBytesBeside(id);
        }
    }
}
