using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DimensionStore;

/// <summary>
/// A region as readers see it: the mapping, an address and a length per layer, and what is needed to give it all back. Published by one reference;
/// everything in it is written before that, except for the views of compressed layers, which appear when a layer is decompressed.
/// </summary>
internal sealed unsafe class LoadedRegion
{
    private readonly List<NativeBuffer> _buffers = [];
    private readonly KeywordIndexHeader _indexHeader;
    private readonly byte* _index;
    private readonly int _indexLength;
    private readonly KeywordProbe _probe;
    private LayerViews _views;
    private volatile bool _isProbed;
    private PlainKeywords? _plainKeywords;

    /// <summary>Takes a region over. The caller has charged <paramref name="chargedBytes"/> and checked that every layer fits a span.</summary>
    public LoadedRegion(DimensionRecord record, MmapRegion region, bool isSimulated, long chargedBytes)
    {
        Record = record;
        Region = region;
        IsSimulated = isSimulated;
        ChargedBytes = chargedBytes;
        DimensionDescriptor descriptor = region.Descriptor;
        if (descriptor.HasIndex)
        {
            // Read once, so that a lookup begins with the index's first bucket and not with its header.
            _indexLength = checked((int)descriptor.IndexLength);
            _index = (byte*)region.Address + descriptor.IndexOffset;
            _indexHeader = KeywordIndexHeader.Read(region.Access(descriptor.IndexOffset, _indexLength), _indexLength, descriptor.IndexOffset, region.FilePath);
            KeywordIndexLayout layout = _indexHeader.Layout;
            _probe = new KeywordProbe(_index, layout.BucketCount, _indexHeader.MaxProbe, layout.RecordsOffset, layout.Length, descriptor.IndexOffset);
        }

        for (int layer = 0; layer < DimensionFormat.MaxLayers; layer++)
        {
            View(layer).Length = LayerView.NoLength;
        }

        foreach (LayerDescriptor layer in descriptor.Layers)
        {
            if (layer.Codec == LayerCodec.None || layer.ContentSize == 0)
            {
                // The image is mapped or private memory outside the GC heap: its address does not change.
                ref LayerView view = ref View(layer.Layer);
                view.Length = region.StoredLayer(layer.Layer).Length;
                view.Address = region.Address + (nint)layer.ContentOffset;
            }
            else
            {
                PendingLayers |= 1 << layer.Layer;
            }
        }

        _isProbed = PendingLayers == 0 && _index is not null;
    }

    /// <summary>The dimension this belongs to.</summary>
    public DimensionRecord Record { get; }

    /// <summary>The mapping or copy.</summary>
    public MmapRegion Region { get; }

    /// <summary>Whether it was made by the simulation.</summary>
    public bool IsSimulated { get; }

    /// <summary>Bytes charged to the budget for the image.</summary>
    public long ChargedBytes { get; }

    /// <summary>Compressed layers that have not been decompressed yet, a bit each.</summary>
    public int PendingLayers { get; private set; }

    /// <summary>Bytes in memory: the image and what was decompressed.</summary>
    public long Size
    {
        get
        {
            long bytes = Region.Size;
            foreach (NativeBuffer buffer in _buffers)
            {
                bytes += buffer.Length;
            }

            return bytes;
        }
    }

    /// <summary>What evicting it gives back.</summary>
    public long ReclaimableBytes
    {
        get
        {
            long bytes = ChargedBytes;
            foreach (NativeBuffer buffer in _buffers)
            {
                bytes += buffer.ReclaimableBytes;
            }

            return bytes;
        }
    }

    /// <summary>Whether there is a keyword index.</summary>
    public bool HasIndex => _index is not null;

    /// <summary>Whether a keyword can be looked up with <see cref="Probe"/> and all that it may name be read at once: there is an index, and no layer is still to be decompressed.</summary>
    public bool IsProbed
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _isProbed;
    }

    /// <summary>Lookups in the keyword index. Only where there is one.</summary>
    public ref readonly KeywordProbe Probe
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => ref _probe;
    }

    /// <summary>The keyword index. Only where there is one.</summary>
    public KeywordIndex Index
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(new ReadOnlySpan<byte>(_index, _indexLength), in _indexHeader, Region.Descriptor.IndexOffset);
    }

    /// <summary>The keywords by which a file without an index is searched. Made at first use, once or, in a race, twice.</summary>
    public PlainKeywords PlainKeywords => Volatile.Read(ref _plainKeywords) ?? Interlocked.CompareExchange(ref _plainKeywords, new PlainKeywords(Region.Descriptor), null) ?? _plainKeywords;

    /// <summary>Where a layer's bytes lie.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGetLayer(int layer, out byte* address, out int length)
    {
        ref LayerView view = ref View(layer & 3);
        address = (byte*)Volatile.Read(ref view.Address);
        length = view.Length;
        return address is not null;
    }

    /// <summary>Bytes of an entry, if they lie in their layer. Every layer that an access may ask for has been decompressed before the access was handed out.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGetContent(uint layer, uint offset, uint length, out ReadOnlySpan<byte> content)
    {
        // A layer is no longer than a span can be, so that an entry inside it is not either; and one that is not there is shorter than any entry, so that
        // one comparison tells both. The view was complete before the access was handed out, so it is read without further ado.
        ref LayerView view = ref View((int)layer);
        if (layer < DimensionFormat.MaxLayers && (long)(offset + (ulong)length) <= view.Length)
        {
            byte* address = (byte*)view.Address;
            content = MemoryMarshal.CreateReadOnlySpan(ref address[offset], (int)length);
            return true;
        }

        content = default;
        return false;
    }

    /// <summary>Bytes of an entry.</summary>
    /// <exception cref="DimensionFormatException">They do not lie in their layer.</exception>
    public ReadOnlySpan<byte> ContentAt(EntryLocation location)
        => TryGetContent((uint)location.Layer, checked((uint)location.Offset), (uint)location.Length, out ReadOnlySpan<byte> content) ? content : throw BadPosting(location);

    /// <summary>Whether the file has this layer, decompressed or not.</summary>
    public bool HasLayer(int layer) => View(layer & 3).Address != 0 || ((PendingLayers >> layer) & 1) != 0;

    /// <summary>The layers of these postings that have not been decompressed yet, a bit each.</summary>
    public int PendingAmong(PostingList postings)
    {
        int layers = 0;
        for (int i = 0; i < postings.Count; i++)
        {
            layers |= 1 << postings[i].Layer;
        }

        return layers & PendingLayers;
    }

    /// <summary>Publishes a decompressed layer. Under the manager's mutation lock.</summary>
    public void Attach(int layer, NativeBuffer buffer)
    {
        _buffers.Add(buffer);
        ref LayerView view = ref View(layer);
        view.Length = checked((int)buffer.Length);
        Volatile.Write(ref view.Address, buffer.Address);
        PendingLayers &= ~(1 << layer);
        _isProbed = PendingLayers == 0 && _index is not null;
    }

    /// <summary>Gives decompressed layers back; the caller disposes <see cref="Region"/>. Nobody may read any more.</summary>
    public void FreeBuffers()
    {
        foreach (NativeBuffer buffer in _buffers)
        {
            buffer.Free();
        }

        _buffers.Clear();
    }

    /// <summary>The view of a layer, 0 to 3, without a check: what the compiler makes of an index into an inline array is compiled anew in every process.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref LayerView View(int layer) => ref Unsafe.Add(ref Unsafe.As<LayerViews, LayerView>(ref _views), (nuint)(uint)layer);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private DimensionFormatException BadPosting(EntryLocation location)
    {
        int length = 0;
        string found = $"layer {location.Layer}, offset {location.Offset:N0}, length {location.Length:N0}";
        bool exists = (uint)location.Layer < 4 && TryGetLayer(location.Layer, out _, out length);
        return new DimensionFormatException(DimensionFormatError.BadIndex, Region.Descriptor.IndexOffset, exists ? $"an entry inside the {length:N0} bytes of its layer" : "an entry of a layer that the file has", found, Region.FilePath);
    }
}
