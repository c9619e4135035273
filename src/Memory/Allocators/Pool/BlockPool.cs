using System.Globalization;
using System.Numerics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// One pool: its blocks, the table of their words, the depot of free blocks that are in no magazine, and the chunks that are committed.
/// Everything that changes is guarded by the allocator's lock, except words, which their block's holder changes.
/// </summary>
/// <remarks>
/// A chunk is committed from its start in units (a block, or a page of small blocks), all at once where the limit allows and unit by unit
/// where it does not; it is given back as a whole.
/// </remarks>
internal sealed unsafe class BlockPool
{
    private const int MinChunkBytes = 256 << 10;
    private const int MaxChunks = 1 << 16;
    private const int MagazineBytes = 256 << 10;

    private readonly long _chunkBytes;
    private readonly long _unitBytes;
    private readonly int _units;
    private readonly int _unitsPerChunk;
    private readonly int[] _committedUnits;
    private readonly int[] _freeInChunk;
    private readonly uint* _depot;
    private int _firstChunkWithRoom;
    private long _tableBytesCommitted;

    internal BlockPool(PoolConfig config, nint blocks, nint tables)
    {
        Name = string.Create(CultureInfo.InvariantCulture, $"{config.BlockBytes} B");
        BlockBytes = config.BlockBytes;
        BlockShift = BitOperations.Log2((ulong)config.BlockBytes);
        CapacityBytes = config.CapacityBytes;
        BlockCount = (int)(config.CapacityBytes >> BlockShift);
        MagazineCapacity = (int)Math.Clamp(MagazineBytes >> BlockShift, 2, 64);
        _unitBytes = Math.Max(config.BlockBytes, VirtualMemory.PageSize);
        _units = (int)((config.CapacityBytes + _unitBytes - 1) / _unitBytes);

        long chunk = Math.Max(MinChunkBytes, _unitBytes);
        while (chunk * MaxChunks < config.CapacityBytes)
        {
            chunk *= 2;
        }

        _chunkBytes = chunk;
        _unitsPerChunk = (int)(chunk / _unitBytes);
        ChunkCount = (_units + _unitsPerChunk - 1) / _unitsPerChunk;
        _committedUnits = new int[ChunkCount];
        _freeInChunk = new int[ChunkCount];
        Blocks = blocks;
        Words = (ulong*)tables;
        _depot = (uint*)(tables + WordTableBytes(BlockCount));
    }

    /// <summary>What extents and groups call it.</summary>
    internal string Name { get; }

    internal long BlockBytes { get; }

    internal int BlockShift { get; }

    internal long CapacityBytes { get; }

    internal int BlockCount { get; }

    internal int ChunkCount { get; }

    /// <summary>Most indices in one thread's magazine: 256 KiB worth of blocks, at least 2, at most 64.</summary>
    internal int MagazineCapacity { get; }

    /// <summary>Address of block 0.</summary>
    internal nint Blocks { get; }

    /// <summary>One word per block; those below <see cref="KnownBlocks"/> may be read.</summary>
    internal ulong* Words { get; }

    /// <summary>Blocks below this index have been committed at some time.</summary>
    internal uint KnownBlocks { get; private set; }

    /// <summary>Free blocks in the depot.</summary>
    internal int DepotCount { get; private set; }

    /// <summary>Bytes of blocks committed now.</summary>
    internal long CommittedBytes { get; private set; }

    /// <summary>Bytes of tables committed now.</summary>
    internal long TableBytes => _tableBytesCommitted + (2L * ChunkCount * sizeof(int));

    /// <summary>Blocks that <see cref="MemoryAllocator.Reset"/> gave back, in no thread's count.</summary>
    internal long FreedByReset { get; set; }

    /// <summary>Address space that the tables of a pool need.</summary>
    internal static long TablesReservedBytes(PoolConfig config)
    {
        long blocks = config.CapacityBytes / config.BlockBytes;
        return WordTableBytes(blocks) + WholePages(blocks * sizeof(uint));
    }

    internal uint PopDepot() => _depot[--DepotCount];

    internal void PushDepot(uint block) => _depot[DepotCount++] = block;

    internal uint DepotAt(int position) => _depot[position];

    /// <summary>Moves blocks from the depot to an empty magazine until that is half full, so that they leave it in the order in which they would have left the depot.</summary>
    internal void Refill(Magazine* magazine)
    {
        uint* items = Magazine.Items(magazine);
        int moved = Math.Min(magazine->Capacity / 2, DepotCount);
        for (int i = moved - 1; i >= 0; i--)
        {
            items[i] = PopDepot();
        }

        magazine->Count = moved;
        magazine->Received += moved;
    }

    /// <summary>Moves blocks from a magazine to the depot until <paramref name="keep"/> are left.</summary>
    /// <remarks>The oldest go: the newest are those whose memory is in this core's cache.</remarks>
    internal void Flush(Magazine* magazine, int keep)
    {
        uint* items = Magazine.Items(magazine);
        int flushed = Math.Max(0, magazine->Count - keep);
        for (int i = 0; i < flushed; i++)
        {
            PushDepot(items[i]);
        }

        for (int i = 0; i < magazine->Count - flushed; i++)
        {
            items[i] = items[i + flushed];
        }

        magazine->Count -= flushed;
        magazine->Received -= flushed;
    }

    /// <summary>How many bytes the next growth would commit if <paramref name="roomBytes"/> may be: the rest of a chunk, or as many units as fit. 0 when the pool is at its capacity or no unit fits.</summary>
    internal long NextGrowthBytes(long roomBytes)
    {
        int chunk = ChunkWithRoom();
        return chunk < 0 ? 0 : Math.Min(UnitsIn(chunk) - _committedUnits[chunk], Math.Max(0, roomBytes) / _unitBytes) * _unitBytes;
    }

    /// <summary>The least that can be committed.</summary>
    internal long UnitBytes => _unitBytes;

    /// <summary>Whether every unit is committed.</summary>
    internal bool IsAtCapacity => ChunkWithRoom() < 0;

    /// <summary>Commits <paramref name="bytes"/> as <see cref="NextGrowthBytes"/> gave them and puts the new blocks into the depot.</summary>
    /// <exception cref="VirtualMemoryException">The system refused; nothing that anybody could notice has changed.</exception>
    internal void Grow(long bytes)
    {
        int chunk = ChunkWithRoom();
        int from = _committedUnits[chunk];
        int to = from + (int)(bytes / _unitBytes);
        int first = BlockAt(chunk, from);
        int end = BlockAt(chunk, to);

        EnsureTables(end);
        VirtualMemory.Commit(Blocks + (nint)((chunk * _chunkBytes) + (from * _unitBytes)), (nuint)bytes);

        _committedUnits[chunk] = to;
        CommittedBytes += bytes;
        KnownBlocks = Math.Max(KnownBlocks, (uint)end);

        // Downwards, so that the lowest address is handed out first.
        for (int block = end - 1; block >= first; block--)
        {
            PushDepot((uint)block);
        }
    }

    /// <summary>Gives every chunk back whose committed blocks are all in the depot.</summary>
    /// <returns>Bytes given back. When the system refuses, what was given back until then.</returns>
    internal long DecommitFreeChunks()
    {
        Array.Clear(_freeInChunk);
        for (int i = 0; i < DepotCount; i++)
        {
            _freeInChunk[ChunkOf(_depot[i])]++;
        }

        long returned = 0;
        for (int chunk = 0; chunk < ChunkCount; chunk++)
        {
            int units = _committedUnits[chunk];
            bool whole = units > 0 && _freeInChunk[chunk] == BlockAt(chunk, units) - BlockAt(chunk, 0);
            _freeInChunk[chunk] = 0;
            if (!whole)
            {
                continue;
            }

            try
            {
                VirtualMemory.Decommit(Blocks + (nint)(chunk * _chunkBytes), (nuint)(units * _unitBytes));
            }
            catch (VirtualMemoryException)
            {
                // The system may refuse to split a mapping when the process has too many. The chunk stays committed and free: nothing is lost.
                continue;
            }

            for (int block = BlockAt(chunk, 0); block < BlockAt(chunk, units); block++)
            {
                Words[block] = BlockWord.ToFreeZero(Words[block]);
            }

            _committedUnits[chunk] = 0;
            _freeInChunk[chunk] = -1;
            _firstChunkWithRoom = Math.Min(_firstChunkWithRoom, chunk);
            returned += units * _unitBytes;
        }

        if (returned > 0)
        {
            int kept = 0;
            for (int i = 0; i < DepotCount; i++)
            {
                if (_freeInChunk[ChunkOf(_depot[i])] == 0)
                {
                    _depot[kept++] = _depot[i];
                }
            }

            DepotCount = kept;
            CommittedBytes -= returned;
        }

        return returned;
    }

    /// <summary>Frees every live block and puts all committed blocks into the depot. The magazines must have been emptied.</summary>
    internal void ResetBlocks()
    {
        for (uint block = 0; block < KnownBlocks; block++)
        {
            ulong word = Words[block];
            if (BlockWord.IsLive(word))
            {
                Words[block] = BlockWord.ToFree(word);
                FreedByReset++;
            }
        }

        DepotCount = 0;
        for (int chunk = ChunkCount - 1; chunk >= 0; chunk--)
        {
            for (int block = BlockAt(chunk, _committedUnits[chunk]) - 1; block >= BlockAt(chunk, 0); block--)
            {
                PushDepot((uint)block);
            }
        }
    }

    /// <summary>Whether the block's memory is committed now.</summary>
    internal bool IsCommitted(uint block)
    {
        int chunk = ChunkOf(block);
        return block < BlockAt(chunk, _committedUnits[chunk]);
    }

    /// <summary>Adds the committed part of each chunk.</summary>
    internal void AddExtents(List<MemoryExtent> extents)
    {
        for (int chunk = 0; chunk < ChunkCount; chunk++)
        {
            if (_committedUnits[chunk] > 0)
            {
                extents.Add(new MemoryExtent(Blocks + (nint)(chunk * _chunkBytes), _committedUnits[chunk] * _unitBytes, Name));
            }
        }
    }

    /// <summary>Committed blocks.</summary>
    internal long CommittedBlocks()
    {
        long blocks = 0;
        for (int chunk = 0; chunk < ChunkCount; chunk++)
        {
            blocks += BlockAt(chunk, _committedUnits[chunk]) - BlockAt(chunk, 0);
        }

        return blocks;
    }

    /// <summary>
    /// Adds up what was asked for in the live blocks, and the committed bytes of the chunks without any. Reads every known word: counting on the way in and out
    /// was rejected, because every allocation would pay for what is looked at once in a while.
    /// </summary>
    internal void Survey(ref long requestedBytes, ref long idleBytes)
    {
        for (int chunk = 0; chunk < ChunkCount; chunk++)
        {
            int units = _committedUnits[chunk];
            if (units == 0)
            {
                continue;
            }

            bool idle = true;
            int end = BlockAt(chunk, units);
            for (int block = BlockAt(chunk, 0); block < end; block++)
            {
                ulong word = Volatile.Read(ref Words[block]);
                if (BlockWord.IsLive(word))
                {
                    idle = false;
                    requestedBytes += (long)BlockWord.Requested(word);
                }
            }

            idleBytes += idle ? units * _unitBytes : 0;
        }
    }

    /// <summary>Committed bytes as the chunks have them, to be compared with <see cref="CommittedBytes"/>.</summary>
    internal long SumOfChunks()
    {
        long units = 0;
        foreach (int committed in _committedUnits)
        {
            units += committed;
        }

        return units * _unitBytes;
    }

    private static long WordTableBytes(long blocks) => WholePages(blocks * sizeof(ulong));

    private static long WholePages(long bytes) => (bytes + VirtualMemory.PageSize - 1) / VirtualMemory.PageSize * VirtualMemory.PageSize;

    private int ChunkOf(uint block) => (int)(((long)block << BlockShift) / _chunkBytes);

    private int UnitsIn(int chunk) => Math.Min(_unitsPerChunk, _units - (chunk * _unitsPerChunk));

    /// <summary>Index of the first block behind <paramref name="units"/> units of a chunk; the last unit of a pool may be longer than its blocks.</summary>
    private int BlockAt(int chunk, int units) => (int)Math.Min(BlockCount, ((chunk * _chunkBytes) + (units * _unitBytes)) >> BlockShift);

    private int ChunkWithRoom()
    {
        while (_firstChunkWithRoom < ChunkCount && _committedUnits[_firstChunkWithRoom] == UnitsIn(_firstChunkWithRoom))
        {
            _firstChunkWithRoom++;
        }

        return _firstChunkWithRoom < ChunkCount ? _firstChunkWithRoom : -1;
    }

    /// <summary>Commits the tables for blocks below <paramref name="end"/>. Repeating a commit does no harm, so a failure half-way needs no undoing.</summary>
    private void EnsureTables(int end)
    {
        if (end <= KnownBlocks)
        {
            return;
        }

        long words = WholePages((long)end * sizeof(ulong));
        long depot = WholePages((long)end * sizeof(uint));
        if (words + depot > _tableBytesCommitted)
        {
            VirtualMemory.Commit((nint)Words, (nuint)words);
            VirtualMemory.Commit((nint)_depot, (nuint)depot);
            _tableBytesCommitted = words + depot;
        }
    }
}
