using System.Text;
using DimensionStore.Memory;

namespace DimensionStore;

/// <summary>A dimension in the making: entries collected in pool memory until they are crystallized into a file. Thread-safe. Disposing it without crystallizing gives the memory back, and so does closing the store.</summary>
public sealed class ProtoDimension : IDisposable
{
    // What a file needs beside contents and index entries, at most: header, four layers with 256 keywords in 8 KiB, padding, what is not filled in the index.
    private const long FixedFileBytes = 64 << 10;

    // What a keyword needs in the index beside its own bytes, at most: record and posting 27, a third of a bucket line, an eighth of a leaf, and their share of the levels above.
    private const long IndexBytesPerKeyword = 80;

    private readonly Lock _gate = new();
    private readonly MmapManager _store;
    private readonly ProtoBlocks _blocks;
    private readonly Dictionary<int, LayerSettings> _settings = [];
    private readonly long _maxBytes;
    private long _contentBytes;
    private long _fileBytes = FixedFileBytes;
    private int _entryCount;
    private int _layers;
    private bool _disposed;

    internal ProtoDimension(MmapManager store, string name, bool userSpecific, long maxBytes)
    {
        _store = store;
        Name = name;
        IsUserSpecific = userSpecific;
        _maxBytes = maxBytes;
        _blocks = new ProtoBlocks(store.Blocks, store.Config.PoolConfigs);
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>Whether it will be a user-specific dimension.</summary>
    public bool IsUserSpecific { get; }

    /// <summary>Entries collected.</summary>
    public int EntryCount => Volatile.Read(ref _entryCount);

    /// <summary>Pool bytes held; 0 after it was crystallized or disposed.</summary>
    public long PoolBytes
    {
        get
        {
            lock (_gate)
            {
                return _blocks.Capacity;
            }
        }
    }

    /// <summary>Bytes of content collected.</summary>
    internal long ContentBytes
    {
        get
        {
            lock (_gate)
            {
                return _contentBytes;
            }
        }
    }

    /// <summary>Whether it belongs to this store.</summary>
    internal bool IsOf(MmapManager store) => ReferenceEquals(_store, store);

    /// <summary>Adds an entry; its bytes are copied into pool memory.</summary>
    /// <param name="layer">Layer number, 0 to 3.</param>
    /// <param name="keywords">Its keywords; may be empty.</param>
    /// <param name="content">Its bytes; may be empty.</param>
    /// <exception cref="InvalidEntryException">A keyword is none. Nothing was added.</exception>
    /// <exception cref="LimitExceededException">Partition, pool or budget have no room. Nothing was added.</exception>
    /// <exception cref="AllocationFailedException">The pools are used up. Nothing was added.</exception>
    /// <exception cref="ObjectDisposedException">It was crystallized or disposed, or its store closed.</exception>
    public void Add(int layer, IReadOnlyList<string> keywords, ReadOnlySpan<byte> content)
    {
        CheckLayer(layer);
        ArgumentNullException.ThrowIfNull(keywords);
        byte[][] encoded = Encode(keywords, out long indexBytes);
        long needed = (2 * sizeof(int)) + sizeof(int) + content.Length + encoded.Sum(static k => (long)k.Length + sizeof(int));
        while (true)
        {
            int blockSize;
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                // With its index, for what was collected could not be crystallized otherwise, nor anything of it be left out.
                if (_fileBytes + content.Length + indexBytes > _maxBytes)
                {
                    throw new LimitExceededException(IsUserSpecific ? "user partition" : "reserve partition", content.Length + indexBytes, _fileBytes, _maxBytes, "Crystallize what was collected, or collect less.");
                }

                if (_blocks.Capacity - _blocks.Length >= needed)
                {
                    Write(layer, encoded, content);
                    _fileBytes += content.Length + indexBytes;
                    return;
                }

                blockSize = _blocks.NextBlockSize;
            }

            // Outside the gate: making room may wait for the store's own locks, whose holder may be waiting for this gate in order to close.
            nint block = _store.AllocateBlock(blockSize);
            lock (_gate)
            {
                if (!_disposed)
                {
                    _blocks.Add(block, blockSize);
                    continue;
                }
            }

            _store.FreeBlock(block);
        }
    }

    /// <summary>Sets depth, frequency, codec and keywords of a layer, and declares it even if it gets no entries.</summary>
    public void ConfigureLayer(int layer, LayerSettings settings)
    {
        CheckLayer(layer);
        ArgumentNullException.ThrowIfNull(settings);
        if (!float.IsFinite(settings.Frequency) || settings.Frequency < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(settings), settings.Frequency, "A frequency is finite and not negative.");
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _settings[layer] = settings;
            _layers |= 1 << layer;
        }
    }

    /// <summary>Gives the pool memory back. A second call does nothing.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _blocks.Free();
        }

        _store.Forget(this);
    }

    /// <summary>Ends it without touching the pool, which the closing store gives back as a whole.</summary>
    internal void Abandon()
    {
        lock (_gate)
        {
            _disposed = true;
            _blocks.Forget();
        }
    }

    /// <summary>Writes everything that was collected to a file. Adding waits meanwhile.</summary>
    internal void WriteTo(string path, DimensionId id, long maxTotalBytes)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_layers == 0)
            {
                throw new InvalidEntryException($"The proto-dimension '{Name}' is empty; a file needs at least one layer.");
            }

            DimensionWriterOptions options = new() { Id = id, Name = Name, Layers = new Dictionary<int, LayerSettings>(_settings), MaxTotalBytes = maxTotalBytes };
            using DimensionFileWriter writer = new(path, options);
            for (int layer = 0; layer < 4; layer++)
            {
                if (((_layers >> layer) & 1) != 0)
                {
                    writer.AddLayer(layer);
                }
            }

            byte[] buffer = new byte[4096];
            List<string> keywords = [];
            for (long position = 0; position < _blocks.Length;)
            {
                int layer = _blocks.ReadInt32(ref position, ref buffer);
                int count = _blocks.ReadInt32(ref position, ref buffer);
                keywords.Clear();
                for (int i = 0; i < count; i++)
                {
                    int length = _blocks.ReadInt32(ref position, ref buffer);
                    keywords.Add(Encoding.UTF8.GetString(_blocks.Read(ref position, length, ref buffer)));
                }

                int contentLength = _blocks.ReadInt32(ref position, ref buffer);
                writer.AddEntry(layer, keywords, _blocks.Read(ref position, contentLength, ref buffer));
            }

            writer.Complete();
        }
    }

    private static void CheckLayer(int layer)
    {
        if (layer is < 0 or > 3)
        {
            throw new ArgumentOutOfRangeException(nameof(layer), layer, "A layer has a number of 0 to 3.");
        }
    }

    private static byte[][] Encode(IReadOnlyList<string> keywords, out long indexBytes)
    {
        indexBytes = 0;
        Span<byte> folded = stackalloc byte[KeywordFolding.MaxFoldedBytes + 8];
        byte[][] encoded = new byte[keywords.Count][];
        for (int i = 0; i < encoded.Length; i++)
        {
            // Refused here and not when the file is written: by then nobody knows any more who gave it.
            int length = keywords[i] is { } given ? KeywordFolding.Fold(given, folded) : 0;
            encoded[i] = keywords[i] is { } keyword && length > 0 && Encoding.UTF8.GetByteCount(keyword) <= 4096
                ? Encoding.UTF8.GetBytes(keyword)
                : throw new InvalidEntryException($"Keyword {i + 1} of {encoded.Length} cannot be a keyword: 1 to {KeywordFolding.MaxFoldedBytes} bytes of valid text without NUL were expected.");
            indexBytes += IndexBytesPerKeyword + length + encoded[i].Length;
        }

        return encoded;
    }

    private void Write(int layer, byte[][] keywords, ReadOnlySpan<byte> content)
    {
        _blocks.Write(layer);
        _blocks.Write(keywords.Length);
        foreach (byte[] keyword in keywords)
        {
            _blocks.Write(keyword.Length);
            _blocks.Write(keyword);
        }

        _blocks.Write(content.Length);
        _blocks.Write(content);
        _layers |= 1 << layer;
        _contentBytes += content.Length;
        Volatile.Write(ref _entryCount, _entryCount + 1);
    }
}
