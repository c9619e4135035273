using System.Numerics;
using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>Elements of one size from an allocator beneath, with a minimum that is always ready, also when that is exhausted (the kernel's <c>mempool</c>).</summary>
/// <remarks>Thread-safe when the allocator beneath is. A request goes there first, and to the reserve only when it fails; a free refills the reserve first.</remarks>
public sealed unsafe partial class ReservePool : MemoryAllocator
{
    private const byte PoisonByte = 0x6B;

    private readonly Lock _lock = new();
    private readonly MemoryAllocator _source;
    private readonly ReserveOptions _options;
    private readonly Dictionary<nint, Element> _live = [];
    private readonly Stack<nint> _ready = [];

    // On their way back to the allocator beneath, outside the lock: who frees one of these frees it twice.
    private readonly HashSet<nint> _leaving = [];
    private int _minimum;
    private int _lowest;
    private long _drawn;
    private long _refilled;
    private long _allocations;
    private long _frees;
    private long _failures;
    private long _requestedBytes;
    private long _peakLive;
    private bool _disposed;
    private AllocatorStatistics _last;

    /// <summary>Makes the pool and fills its reserve.</summary>
    /// <param name="source">Where elements come from; must outlive the pool unless it is owned by it.</param>
    /// <param name="elementBytes">Size of every element, 1 or more.</param>
    /// <param name="minimum">Elements to keep ready, 0 or more.</param>
    /// <param name="options">Alignment, poison, ownership.</param>
    /// <exception cref="ArgumentException">The alignment is not a power of two.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size or number is out of range.</exception>
    /// <exception cref="AllocationFailedException">The allocator beneath does not have the minimum; nothing is taken from it.</exception>
    /// <exception cref="LimitExceededException">As before, because of a limit or budget.</exception>
    public ReservePool(MemoryAllocator source, nuint elementBytes, int minimum, ReserveOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfZero(elementBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(elementBytes, (nuint)1 << 40);
        ArgumentOutOfRangeException.ThrowIfNegative(minimum);
        _options = options ?? new ReserveOptions();
        if (_options.Alignment < 1 || !BitOperations.IsPow2(_options.Alignment))
        {
            throw new ArgumentException($"The alignment must be a power of two, found {_options.Alignment}.", nameof(options));
        }

        _source = source;
        ElementBytes = elementBytes;
        Name = $"ReservePool over {source.Name}";
        Resize(minimum);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override bool IsThreadSafe => _source.IsThreadSafe;

    /// <summary>Size of every element in bytes; also the usable size of every block.</summary>
    public nuint ElementBytes { get; }

    /// <summary>The allocator beneath.</summary>
    public MemoryAllocator Source => _source;

    /// <summary>How the reserve stands.</summary>
    /// <exception cref="ObjectDisposedException">The pool is disposed.</exception>
    public ReserveStatistics GetReserve()
    {
        lock (_lock)
        {
            ThrowIfDisposed();
            return new ReserveStatistics((long)ElementBytes, _minimum, _ready.Count, _lowest, _drawn, _refilled);
        }
    }

    /// <summary>Allocates an element.</summary>
    /// <exception cref="AllocationFailedException">Neither the allocator beneath nor the reserve has one.</exception>
    public nint Allocate(AllocationOptions options = AllocationOptions.None, OwnerId owner = default) => Allocate(ElementBytes, DefaultAlignment, options, owner);

    /// <inheritdoc/>
    /// <remarks>Whose an element is, the pool alone knows: beneath, all are <see cref="ReserveOptions.ReserveOwner"/>'s, since an element outlives its user in the reserve.</remarks>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        if (TryAllocate(size, out nint address, alignment, options, owner))
        {
            return address;
        }

        long asked = Saturated(size);
        AllocatorStatistics now = GetStatistics();
        string reason = size > ElementBytes
            ? $"an element has {ElementBytes:N0} bytes."
            : $"{_source.Name} has no memory for it and the reserve of {_minimum:N0} elements is drawn. Free elements, or resize the reserve.";
        throw new AllocationFailedException(Name, asked, size > ElementBytes ? (long)ElementBytes : 0, owner, reason, usedBytes: now.LiveBytes, totalBytes: now.LimitBytes);
    }

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(size);
        if (!BitOperations.IsPow2(alignment) || alignment > (nuint)Math.Max(_options.Alignment, DefaultAlignment))
        {
            throw new ArgumentOutOfRangeException(nameof(alignment), alignment, $"Alignment must be a power of two, at most that of the elements, {_options.Alignment}.");
        }

        options.ThrowIfUndefined();
        address = 0;
        bool fits = size <= ElementBytes;
        lock (_lock)
        {
            ThrowIfDisposed();
            if (!fits)
            {
                _failures += FailuresOf(options);
                return false;
            }
        }

        bool drawn = !_source.TryAllocate(ElementBytes, out address, (nuint)_options.Alignment, options, _options.ReserveOwner);
        bool disposed;
        lock (_lock)
        {
            disposed = _disposed;
            if (!disposed)
            {
                if (drawn && !_ready.TryPop(out address))
                {
                    _failures += FailuresOf(options);
                    return false;
                }

                if (drawn && (options & AllocationOptions.Zeroed) != 0)
                {
                    // With the lock: dispose, which takes it first, does not give the element back meanwhile.
                    NativeMemory.Clear((void*)address, ElementBytes);
                }

                _drawn += drawn ? 1 : 0;
                _lowest = Math.Min(_lowest, _ready.Count);
                _live.Add(address, new Element(size, owner));
                _allocations++;
                _requestedBytes += (long)size;
                _peakLive = Math.Max(_peakLive, _live.Count);
            }
        }

        if (disposed)
        {
            if (!drawn && !_options.OwnsSource)
            {
                _source.Free(address);
            }

            throw new ObjectDisposedException(Name);
        }

        return true;
    }

    /// <inheritdoc/>
    public override void Free(nint address) => FreeCore(address, 0, sized: false);

    /// <inheritdoc/>
    /// <remarks>The size asked for is remembered, so <paramref name="size"/> must be exactly that.</remarks>
    public override void FreeSized(nint address, nuint size) => FreeCore(address, size, sized: true);

    /// <inheritdoc/>
    protected internal override void NoteSize(nint address, nuint size)
    {
        lock (_lock)
        {
            ThrowIfDisposed();
            Element element = _live.TryGetValue(address, out Element found) ? found : throw FaultLocked(address);
            _live[address] = element with { Requested = size };
            _requestedBytes += (long)size - (long)element.Requested;
        }
    }

    /// <summary>Changes how many elements are kept ready: takes what is missing from the allocator beneath, or gives back what is too much.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The number is negative.</exception>
    /// <exception cref="AllocationFailedException">The allocator beneath does not have as many; the reserve is as it was.</exception>
    /// <exception cref="LimitExceededException">As before, because of a limit or budget.</exception>
    public void Resize(int minimum)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(minimum);
        int missing;
        lock (_lock)
        {
            ThrowIfDisposed();
            missing = minimum - _ready.Count;
        }

        // Taken outside the lock, because the allocator beneath may raise events; what others freed into the reserve meanwhile is given back at the end.
        List<nint> taken = [];
        try
        {
            for (int i = 0; i < missing; i++)
            {
                taken.Add(_source.Allocate(ElementBytes, (nuint)_options.Alignment, AllocationOptions.None, _options.ReserveOwner));
            }
        }
        catch (MemoryToolkitException)
        {
            GiveBack(taken, refused: null);
            throw;
        }

        List<nint> surplus = [];
        lock (_lock)
        {
            if (_disposed)
            {
                surplus = taken;
            }
            else
            {
                taken.ForEach(Keep);
                while (_ready.Count > minimum)
                {
                    surplus.Add(_ready.Pop());
                }

                _minimum = minimum;
                _lowest = _ready.Count;
                _ready.EnsureCapacity(minimum);
            }
        }

        if (GiveBack(surplus, refused: null) is { } fault)
        {
            throw fault;
        }
    }

    private void FreeCore(nint address, nuint size, bool sized)
    {
        Element element;
        lock (_lock)
        {
            ThrowIfDisposed();
            if (!_live.TryGetValue(address, out element))
            {
                throw FaultLocked(address);
            }

            if (sized && element.Requested != size)
            {
                throw new MemoryFaultException(Name, MemoryFault.WrongSize, address, (long)element.Requested, element.Owner, $"freed as {size:N0} bytes. Free with the size that was asked for.");
            }

            _live.Remove(address);
            _frees++;
            _requestedBytes -= (long)element.Requested;
            if (_ready.Count < _minimum)
            {
                Keep(address);
                _refilled++;
                return;
            }

            _leaving.Add(address);
        }

        bool isRefused = false;
        try
        {
            _source.Free(address);
        }
        catch (MemoryFaultException)
        {
            isRefused = true;
            throw;
        }
        finally
        {
            lock (_lock)
            {
                _leaving.Remove(address);
                if (isRefused)
                {
                    // Beneath nothing has changed, so nothing has here. After any other error, as of a handler of the budget's events, the element is free there.
                    ReviveLocked(address, element);
                }
            }
        }
    }

    /// <summary>Makes an element live again that the allocator beneath refused to take back.</summary>
    private void ReviveLocked(nint address, Element element)
    {
        if (!_disposed && _live.TryAdd(address, element))
        {
            _frees--;
            _requestedBytes += (long)element.Requested;
        }
    }

    /// <summary>Gives elements back beneath, whatever becomes of some of them.</summary>
    /// <param name="elements">The elements.</param>
    /// <param name="refused">Told of each that was refused; or null.</param>
    /// <returns>The first fault.</returns>
    private MemoryFaultException? GiveBack(IEnumerable<nint> elements, Action<nint>? refused)
    {
        MemoryFaultException? fault = null;
        foreach (nint element in elements)
        {
            try
            {
                _source.Free(element);
            }
            catch (MemoryFaultException e)
            {
                // Somebody freed this one beneath, or damaged it; that is no reason to keep the others.
                fault ??= e;
                refused?.Invoke(element);
            }
        }

        return fault;
    }

    private void Keep(nint address)
    {
        if (_options.Poison)
        {
            NativeMemory.Fill((void*)address, ElementBytes, PoisonByte);
        }

        _ready.Push(address);
    }

    private MemoryFaultException FaultLocked(nint address)
    {
        if (_ready.Contains(address))
        {
            return new MemoryFaultException(Name, MemoryFault.DoubleFree, address, (long)ElementBytes, OwnerId.None, "the element is in the reserve already.");
        }

        if (_leaving.Contains(address))
        {
            return new MemoryFaultException(Name, MemoryFault.DoubleFree, address, (long)ElementBytes, OwnerId.None, "another thread is giving the element back.");
        }

        try
        {
            nuint usable = _source.UsableSize(address);
            return new MemoryFaultException(Name, MemoryFault.ForeignFree, address, (long)usable, OwnerId.None, $"the block belongs to {_source.Name} and not to this pool. Give it back there.");
        }
        catch (MemoryFaultException beneath)
        {
            return new MemoryFaultException(Name, beneath.Fault, address, beneath.SizeBytes, beneath.Owner, "the allocator beneath says: " + beneath.Message);
        }
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    private readonly record struct Element(nuint Requested, OwnerId Owner);
}
