using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>
/// Red zones and poison. The bytes of an object are touched only inside this thread's heap, or with the lock: reset, trim and dispose keep threads out of both while they take memory away.
/// </summary>
public sealed unsafe partial class ObjectCache
{
    private const byte ZonePattern = 0xBB;
    private const byte PoisonPattern = 0x6B;

    private bool HasPoison => (_options.Flags & ObjectCacheFlags.Poison) != 0;

    /// <summary>Looks at an object that was just taken, and makes it ready.</summary>
    /// <param name="address">The object.</param>
    /// <param name="before">Its state before.</param>
    /// <param name="options">Those of the request.</param>
    /// <param name="resets">How often all was freed when the request began.</param>
    private void Watch(nint address, byte before, AllocationOptions options, int resets)
    {
        int written;
        SlabHeap* heap = (SlabHeap*)LastHeap.Current;
        if (heap != null && SlabHeap.TryEnter(heap, _engine.Id))
        {
            written = WatchInside(heap, address, before, options, resets);
            SlabHeap.Exit(heap);
        }
        else
        {
            heap = _engine.HeapOfThisThread();
            lock (_engine.Gate)
            {
                _engine.ThrowIfDisposed();
                written = WatchInside(heap, address, before, options, resets);
            }
        }

        if (written >= 0)
        {
            Free(address);
            throw new MemoryFaultException(Name, MemoryFault.UseAfterFree, address, ObjectBytes, OwnerId.None, $"byte {written:N0} of the free object was written to.");
        }
    }

    /// <summary>The index of the byte that was written to while the object was free, or -1.</summary>
    private int WatchInside(SlabHeap* heap, nint address, byte before, AllocationOptions options, int resets)
    {
        // After a reset the object may be free, like every other, or somebody else's, who has written to it.
        bool isOurs = _resets == resets;
        if (!isOurs && !SlabEngine.TryLook(heap, address - _front, out _, out _, out _))
        {
            return -1;
        }

        MarkZones(address);
        if ((options & AllocationOptions.Zeroed) == 0)
        {
            return isOurs && HasPoison && !BlockState.IsNew(before) ? new ReadOnlySpan<byte>((void*)address, ObjectBytes).IndexOfAnyExcept(PoisonPattern) : -1;
        }

        if (before != BlockState.Fresh)
        {
            NativeMemory.Clear((void*)address, (nuint)ObjectBytes);
        }

        return -1;
    }

    private void FreeWatched(nint address)
    {
        bool isFreed;
        Damage damage;
        SlabHeap* heap = (SlabHeap*)LastHeap.Current;
        if (heap != null && SlabHeap.TryEnter(heap, _engine.Id))
        {
            isFreed = CheckAndPoison(heap, address, out damage);
            bool isEnough = false;
            isFreed = isFreed && (SlabEngine.TryFreeOwn(heap, address - _front, out isEnough) || SlabEngine.TryFreeElsewhere(heap, address - _front));
            SlabHeap.Exit(heap);
            if (isEnough)
            {
                _engine.Retire(heap);
            }
        }
        else
        {
            heap = _engine.HeapOfThisThread();
            lock (_engine.Gate)
            {
                _engine.ThrowIfDisposed();
                isFreed = CheckAndPoison(heap, address, out damage) && _engine.FreeShared(heap, address - _front);
            }
        }

        if (!isFreed)
        {
            throw damage.IsAny ? FaultOf(address, damage) : FaultAt(address);
        }
    }

    /// <summary>Fills a live object whose zones are whole with poison; false where it is not one.</summary>
    private bool CheckAndPoison(SlabHeap* heap, nint address, out Damage damage)
    {
        damage = Damage.None;
        if (!SlabEngine.TryLook(heap, address - _front, out _, out _, out _))
        {
            return false;
        }

        damage = DamageOf(address);
        if (damage.IsAny)
        {
            return false;
        }

        if (HasPoison)
        {
            new Span<byte>((void*)address, ObjectBytes).Fill(PoisonPattern);
        }

        return true;
    }

    /// <summary>
    /// Marks the zones of every object of a new slab, before any is handed out, so that a check never meets a live object without: one that only the thread which takes it marked would be
    /// live before its zones are.
    /// </summary>
    private void MarkSlab(nint start, int blocks)
    {
        for (int i = 0; i < blocks; i++)
        {
            MarkZones(start + ((nint)i * (ObjectBytes + _overhead)) + _front);
        }
    }

    private void MarkZones(nint address)
    {
        if (_front > 0)
        {
            new Span<byte>((void*)(address - _front), _front).Fill(ZonePattern);
            new Span<byte>((void*)(address + ObjectBytes), _overhead - _front).Fill(ZonePattern);
        }
    }

    private Damage DamageOf(nint address) => _front == 0
        ? Damage.None
        : new Damage(
            new ReadOnlySpan<byte>((void*)(address - _front), _front).LastIndexOfAnyExcept(ZonePattern),
            new ReadOnlySpan<byte>((void*)(address + ObjectBytes), _overhead - _front).IndexOfAnyExcept(ZonePattern));

    private MemoryFaultException FaultOf(nint address, Damage damage) => damage.Before >= 0
        ? new MemoryFaultException(Name, MemoryFault.Underrun, address, ObjectBytes, _engine.OwnerOf(address - _front), $"the byte {_front - damage.Before:N0} before the object was written to.")
        : new MemoryFaultException(Name, MemoryFault.Overrun, address, ObjectBytes, _engine.OwnerOf(address - _front), $"the byte {damage.Behind:N0} behind the object was written to.");

    /// <summary>The first byte beside an object that was written to, on either side; -1 for none.</summary>
    private readonly record struct Damage(int Before, int Behind)
    {
        internal static Damage None => new(-1, -1);

        internal bool IsAny => Before >= 0 || Behind >= 0;
    }
}
