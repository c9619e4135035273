using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using DimensionStore.Memory;

namespace DimensionStore;

/// <content>Access to layers: the lock-free path, and the slow one for what is not ready yet or not there.</content>
public sealed partial class MmapManager
{
    /// <summary>Zero-copy access to a layer. Takes no lock and allocates nothing, except at the first use of a simulated dimension or a compressed layer.</summary>
    /// <exception cref="LayerNotFoundException">The dimension has no such layer.</exception>
    /// <exception cref="RegionNotFoundException">The dimension was unloaded or evicted.</exception>
    /// <exception cref="DimensionNotFoundException">There is no such dimension.</exception>
    /// <exception cref="DimensionFormatException">Its file is broken; the error is the one that loading gave. So are <see cref="IOException"/> and <see cref="LimitExceededException"/>.</exception>
    /// <exception cref="CodecUnavailableException">The layer is compressed, and its codec needs a library of the system that is not installed.</exception>
    /// <exception cref="ObjectDisposedException">The store is closed.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe LayerAccess AccessLayer(LayerId layer)
    {
        // The bracket comes before the reference is read. That order is what unmapping relies on.
        ReadBracket bracket = ReaderRegistry.Enter();
        if (TryLocate(layer, out LoadedRegion? region, out byte* address, out int length))
        {
            // The rare use that is looked at returns from over there, so that nothing has to survive a call on the way of all others.
            return bracket.TryCount(_tallyNumber) ? new LayerAccess(bracket, region, address, length) : SampledAccess(bracket, region, address, length);
        }

        bracket.Dispose();
        return AccessSlowly(layer);
    }

    /// <summary>Copies a layer, or a part of it.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="offset">First byte.</param>
    /// <param name="size">Bytes; null is all from the offset on.</param>
    /// <exception cref="OutOfBoundsException">The range is not inside the layer.</exception>
    public byte[] ReadLayer(LayerId layer, long offset = 0, int? size = null)
    {
        using LayerAccess access = AccessLayer(layer);
        StampUse(layer.Dimension);
        ReadOnlySpan<byte> span = access.Span;
        return offset >= 0 && offset <= span.Length && (size is null || (size >= 0 && size <= span.Length - offset))
            ? span.Slice((int)offset, size ?? (int)(span.Length - offset)).ToArray()
            : throw new OutOfBoundsException(offset, size ?? 0, span.Length, $"layer {layer}");
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private unsafe bool TryLocate(LayerId layer, [NotNullWhen(true)] out LoadedRegion? region, out byte* address, out int length)
    {
        LoadedRegion?[] table = _table;
        int id = layer.Dimension.Value;
        if ((uint)id < (uint)table.Length && table[id] is { } found && found.TryGetLayer(layer.Layer, out address, out length))
        {
            region = found;
            return true;
        }

        region = null;
        address = null;
        length = 0;
        return false;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private unsafe LayerAccess SampledAccess(ReadBracket bracket, LoadedRegion region, byte* address, int length)
    {
        LookAtUse(region, bracket.Slot);
        return new LayerAccess(bracket, region, address, length);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private unsafe LayerAccess AccessSlowly(LayerId layer)
    {
        // One turn in almost all cases; another one when somebody takes the dimension out between making it ready and looking.
        while (true)
        {
            MakeReady(layer.Dimension, 1 << layer.Layer, layer);
            ReadBracket bracket = ReaderRegistry.Enter();
            if (TryLocate(layer, out LoadedRegion? region, out byte* address, out int length))
            {
                return bracket.TryCount(_tallyNumber) ? new LayerAccess(bracket, region, address, length) : SampledAccess(bracket, region, address, length);
            }

            bracket.Dispose();
        }
    }

    /// <summary>Makes a dimension, and the layers asked for, readable: builds the simulated image, decompresses. Throws what an access has to throw. No bracket may be open that belongs to this call.</summary>
    /// <param name="id">The dimension.</param>
    /// <param name="layers">The layers, a bit each.</param>
    /// <param name="asked">The one layer that must exist, or null.</param>
    private void MakeReady(DimensionId id, int layers, LayerId? asked)
    {
        RequireValid(id);
        if (IsReady(id, layers, asked))
        {
            return;
        }

        using MutationScope mutation = new(this);

        // Another thread may have done it, or taken the dimension out, while this one waited.
        if (IsReady(id, layers, asked))
        {
            return;
        }

        DimensionRecord record = TryRecordOf(id)!;
        if (record.Region is null)
        {
            BuildSimulation(record);
        }

        for (int layer = 0; layer < 4; layer++)
        {
            if (((layers & record.Region!.PendingLayers) >> layer & 1) != 0)
            {
                Decompress(record.Region, layer);
            }
        }
    }

    /// <summary>True: nothing to be done. False: there is, under the mutation lock. Otherwise the access's error.</summary>
    private bool IsReady(DimensionId id, int layers, LayerId? asked)
    {
        Exception? failure;
        lock (_gate)
        {
            ThrowIfClosed();
            if (!_records.TryGetValue(id.Value, out DimensionRecord? record))
            {
                throw new DimensionNotFoundException(id, _basePath);
            }

            if (record.Region is { } region)
            {
                return asked is { } layer && !region.HasLayer(layer.Layer)
                    ? throw new LayerNotFoundException(layer)
                    : (region.PendingLayers & layers) == 0;
            }

            switch (record.State)
            {
                case DimensionState.Simulated:
                    return false;
                case DimensionState.Loaded when !_mutation.IsHeldByCurrentThread && !ReaderRegistry.CurrentSlot.IsInside:
                    // Being evicted at this moment. Who waits for the mutation lock sees how it ended; who holds another access open must not wait, because
                    // the eviction may be waiting for that one, and is told that the dimension is gone.
                    return false;
                case DimensionState.Failed:
                    failure = record.Error;
                    break;
                default:
                    throw new RegionNotFoundException(id);
            }
        }

        // The recorded error itself, so that its type and what it names are those of loading. Thrown outside the gate: it is shared between threads.
        ExceptionDispatchInfo.Throw(failure!);
        return false;
    }

    /// <summary>Stamps a use that is dear anyway, so that its place among others is exact.</summary>
    private void StampUse(DimensionId id)
    {
        LoadedRegion?[] table = _table;
        if (id.Value < table.Length && table[id.Value] is { } region)
        {
            StampUse(region, 1);
        }
    }

    private void Decompress(LoadedRegion region, int layer)
    {
        LayerDescriptor descriptor = region.Region.Descriptor.Layers.First(l => l.Layer == layer);
        NativeBuffer buffer = AllocateBuffer(region.Record.Id, descriptor.UncompressedSize);
        try
        {
            LayerDecompressor.Decompress(descriptor, region.Region.StoredLayer(layer), buffer.Span, region.Region.FilePath);
        }
        catch
        {
            buffer.Free();
            throw;
        }

        lock (_gate)
        {
            region.Attach(layer, buffer);
        }
    }

    private NativeBuffer AllocateBuffer(DimensionId id, long bytes)
    {
        long pages = WholePages(Math.Max(bytes, 1));
        bool fitsBlock = Config.PoolConfigs.Any(p => p.BlockBytes >= bytes);

        // A block that is free already costs nothing; only growing does.
        if (fitsBlock && Budget.UsedBytes + pages < _thresholdBytes && NativeBuffer.FromPool(Blocks, bytes) is { } block)
        {
            return block;
        }

        MakeRoom(id, pages, replaces: false);
        if (fitsBlock)
        {
            Budget.Release(pages);
            if (NativeBuffer.FromPool(Blocks, bytes) is { } other)
            {
                return other;
            }

            Budget.Charge(pages);
        }

        try
        {
            return NativeBuffer.FromSystem(Budget, bytes, pages);
        }
        catch
        {
            Budget.Release(pages);
            throw;
        }
    }
}
