using System.Numerics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>
/// Records by address, outside the GC heap: open addressing with linear probing, in shards that each have a lock. A record outlives its block, so that a double free can name it, until the
/// address is handed out again or the table would have to grow for the dead alone.
/// </summary>
internal sealed unsafe class BlockRecordTable
{
    private const int ShardBits = 4;

    private readonly Shard[] _shards;

    internal BlockRecordTable()
    {
        _shards = new Shard[1 << ShardBits];
        for (int i = 0; i < _shards.Length; i++)
        {
            _shards[i] = new Shard();
        }
    }

    internal ReadOnlySpan<Shard> Shards => _shards;

    /// <summary>Bytes of all shards.</summary>
    internal long Bytes
    {
        get
        {
            long bytes = 0;
            foreach (Shard shard in _shards)
            {
                bytes += Volatile.Read(ref shard.TableBytes);
            }

            return bytes;
        }
    }

    internal Shard ShardOf(nint address) => _shards[(int)(Hash(address) >> (64 - ShardBits))];

    private static ulong Hash(nint address) => (ulong)address * 0x9E3779B97F4A7C15;

    /// <summary>A part of the table. Its members are used under <see cref="Lock"/>.</summary>
    internal sealed class Shard
    {
        private const int FirstSlots = 64;

        private static int s_shards;

        /// <summary>From here on the table is emptied of the dead before it grows, if most are.</summary>
        private const int ManySlots = 1 << 14;

        /// <summary>Its number among the shards of all tables.</summary>
        internal readonly int Number = Interlocked.Increment(ref s_shards);

        internal AllocatorLock Lock;
        internal bool IsClosed;
        internal long TableBytes;
        internal long Allocations;
        internal long Frees;

        /// <summary>
        /// Blocks that a thread is poisoning, giving back or resizing beneath without the lock, since it has found them here: the memory beneath must stay as it is until there are none.
        /// </summary>
        internal int Leaving;

        private BlockRecord* _slots;
        private int _slotBits;
        private int _used;

        private int SlotCount => _slots is null ? 0 : 1 << _slotBits;

        /// <summary>All slots; those with an address of 0 are empty.</summary>
        internal Span<BlockRecord> Slots => new(_slots, SlotCount);

        /// <summary>The record of an address, or null. Valid until the lock is given back.</summary>
        internal BlockRecord* Find(nint address)
        {
            if (_slots is null || address == 0)
            {
                return null;
            }

            int mask = SlotCount - 1;
            for (int slot = SlotOf(address); ; slot = (slot + 1) & mask)
            {
                BlockRecord* record = _slots + slot;
                if (record->Address == address)
                {
                    return record;
                }

                if (record->Address == 0)
                {
                    return null;
                }
            }
        }

        /// <summary>The record of an address, made if there is none.</summary>
        /// <exception cref="VirtualMemoryException">The table would have to grow and the system refused; nothing has changed.</exception>
        internal BlockRecord* Add(nint address)
        {
            BlockRecord* found = Find(address);
            if (found is not null)
            {
                return found;
            }

            // At most 5 of 8 slots: beyond, probing gets long.
            if ((_used + 1) * 8L > SlotCount * 5L)
            {
                Grow();
            }

            BlockRecord* record = EmptySlotFor(address);
            record->Address = address;
            _used++;
            return record;
        }

        /// <summary>Forgets everything and gives the memory back.</summary>
        internal void Close()
        {
            IsClosed = true;
            if (_slots is not null)
            {
                VirtualMemory.Release((nint)_slots, (nuint)TableBytes);
                _slots = null;
                TableBytes = 0;
            }
        }

        /// <summary>Waits, without the lock, until no block is leaving but those of the calling thread itself, of which there are <paramref name="own"/> here.</summary>
        internal void WaitForLeaving(int own)
        {
            PatientWait wait = default;
            while (Volatile.Read(ref Leaving) > own)
            {
                wait.SpinOnce();
            }

            wait.End();
        }

        private void Grow()
        {
            int alive = 0;
            foreach (ref readonly BlockRecord record in Slots)
            {
                alive += record.Address != 0 && record.State != RecordState.Freed ? 1 : 0;
            }

            bool dropsDead = SlotCount >= ManySlots && alive < SlotCount / 4;
            int bits = _slots is null ? BitOperations.Log2(FirstSlots) : dropsDead ? _slotBits : _slotBits + 1;
            nuint bytes = (nuint)BlockRecord.Bytes << bits;
            nint table = VirtualMemory.Reserve(bytes);
            try
            {
                VirtualMemory.Commit(table, bytes);
            }
            catch
            {
                VirtualMemory.Release(table, bytes);
                throw;
            }

            BlockRecord* old = _slots;
            int oldCount = SlotCount;
            long oldBytes = TableBytes;
            _slots = (BlockRecord*)table;
            _slotBits = bits;
            _used = 0;
            Volatile.Write(ref TableBytes, (long)bytes);
            for (int i = 0; i < oldCount; i++)
            {
                if (old[i].Address != 0 && !(dropsDead && old[i].State == RecordState.Freed))
                {
                    *EmptySlotFor(old[i].Address) = old[i];
                    _used++;
                }
            }

            if (old is not null)
            {
                VirtualMemory.Release((nint)old, (nuint)oldBytes);
            }
        }

        private BlockRecord* EmptySlotFor(nint address)
        {
            int mask = SlotCount - 1;
            int slot = SlotOf(address);
            while (_slots[slot].Address != 0)
            {
                slot = (slot + 1) & mask;
            }

            return _slots + slot;
        }

        /// <summary>The bits of the hash below those that chose the shard.</summary>
        private int SlotOf(nint address) => (int)((Hash(address) << ShardBits) >> (64 - _slotBits));
    }
}
