using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
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

    // Live ones. Those that are on their way back to the allocator beneath, outside the lock, among them: so they need no memory to leave, nor to be live again when they are refused.
    private readonly Dictionary<nint, Element> _elements = [];
    private readonly Stack<nint> _ready = [];
    private int _leaving;
    private int _lastDeparture;

    // Requests that are beneath and may bring an element: the table has room for it before there is one.
    private int _arriving;
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

            TableRoom.Make(_elements, _arriving + 1);
            _arriving++;
        }

        bool drawn = !TryTakeBeneath(out address, options);
        bool disposed;
        lock (_lock)
        {
            _arriving--;
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
                AddLocked(address, new Element(size, owner));
                _allocations++;
                _requestedBytes += (long)size;
                _peakLive = Math.Max(_peakLive, LiveElements);
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

    private bool TryTakeBeneath(out nint address, AllocationOptions options)
    {
        try
        {
            return _source.TryAllocate(ElementBytes, out address, (nuint)_options.Alignment, options, _options.ReserveOwner);
        }
        catch
        {
            lock (_lock)
            {
                _arriving--;
            }

            throw;
        }
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
            ref Element element = ref LiveLocked(address);
            _requestedBytes += (long)size - (long)element.Requested;
            element.Requested = size;
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
        List<nint> surplus = [];
        try
        {
            for (int i = 0; i < missing; i++)
            {
                TableRoom.Make(taken, 1);
                taken.Add(_source.Allocate(ElementBytes, (nuint)_options.Alignment, AllocationOptions.None, _options.ReserveOwner));
            }

            lock (_lock)
            {
                int all = _ready.Count + taken.Count;
                TableRoom.Make(surplus, _disposed ? taken.Count : Math.Max(0, all - minimum));
                if (_disposed)
                {
                    surplus.AddRange(taken);
                }
                else
                {
                    // For what is freed into it from now on too.
                    TableRoom.Make(_ready, Math.Max(0, minimum - _ready.Count));
                    KeepLocked(taken, minimum, surplus);
                }
            }
        }
        catch
        {
            GiveBack(CollectionsMarshal.AsSpan(taken), out _);
            throw;
        }

        ThrowIfAny(GiveBack(CollectionsMarshal.AsSpan(surplus), out _));
    }

    /// <summary>Sets the minimum and puts elements into the reserve up to it. In both lists is room.</summary>
    private void KeepLocked(List<nint> taken, int minimum, List<nint> surplus)
    {
        while (_ready.Count > minimum)
        {
            surplus.Add(_ready.Pop());
        }

        foreach (nint element in taken)
        {
            if (_ready.Count < minimum)
            {
                Keep(element);
            }
            else
            {
                surplus.Add(element);
            }
        }

        _minimum = minimum;
        _lowest = _ready.Count;
    }

    private void FreeCore(nint address, nuint size, bool sized)
    {
        int departure;
        lock (_lock)
        {
            ThrowIfDisposed();
            ref Element element = ref LiveLocked(address);
            if (sized && element.Requested != size)
            {
                throw new MemoryFaultException(Name, MemoryFault.WrongSize, address, (long)element.Requested, element.Owner, $"freed as {size:N0} bytes. Free with the size that was asked for.");
            }

            departure = NextDepartureLocked();
            EndLifeLocked(ref element, departure);
            if (_ready.Count < _minimum)
            {
                RefillLocked(address, departure);
                return;
            }
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
                // Where it is refused, beneath nothing has changed, so nothing has here. After any other error, as of a handler of the budget's events, the element is free there.
                HasLeftLocked(address, departure, isRefused);
            }
        }
    }

    /// <summary>An element that is live.</summary>
    private ref Element LiveLocked(nint address)
    {
        ref Element element = ref CollectionsMarshal.GetValueRefOrNullRef(_elements, address);
        if (Unsafe.IsNullRef(ref element) || element.IsLeaving)
        {
            throw FaultLocked(address);
        }

        return ref element;
    }

    /// <summary>Makes an element live, for which there is room.</summary>
    private void AddLocked(nint address, Element element)
    {
        ref Element place = ref CollectionsMarshal.GetValueRefOrAddDefault(_elements, address, out bool isThere);

        // What is there has left and was given out again beneath, before who freed it came to say so.
        _leaving -= isThere ? 1 : 0;
        place = element;
    }

    private int NextDepartureLocked() => _lastDeparture = Math.Max(1, unchecked(_lastDeparture + 1));

    /// <summary>Ends the life of an element, which is leaving from now on.</summary>
    private void EndLifeLocked(ref Element element, int departure)
    {
        element.Departure = departure;
        _leaving++;
        _frees++;
        _requestedBytes -= (long)element.Requested;
    }

    /// <summary>Puts an element that is leaving into the reserve.</summary>
    private void RefillLocked(nint address, int departure)
    {
        HasLeftLocked(address, departure, isRefused: false);
        Keep(address);
        _refilled++;
    }

    /// <summary>Forgets an element that was leaving, or makes it live again where the allocator beneath refused to take it back.</summary>
    private void HasLeftLocked(nint address, int departure, bool isRefused)
    {
        ref Element element = ref CollectionsMarshal.GetValueRefOrNullRef(_elements, address);
        if (_disposed || Unsafe.IsNullRef(ref element) || element.Departure != departure)
        {
            return;
        }

        _leaving--;
        if (isRefused)
        {
            element.Departure = 0;
            _frees--;
            _requestedBytes += (long)element.Requested;
        }
        else
        {
            _elements.Remove(address);
        }
    }

    /// <summary>Gives elements back beneath, whatever becomes of some of them. Allocates nothing.</summary>
    /// <param name="elements">The elements; those that were refused are the first ones afterwards.</param>
    /// <param name="refused">How many were refused: somebody freed them beneath, or damaged them.</param>
    /// <returns>The first error. After one that is no fault, as of a handler of the budget's events, the element is free beneath.</returns>
    private Exception? GiveBack(Span<nint> elements, out int refused)
    {
        Exception? error = null;
        refused = 0;
        for (int i = 0; i < elements.Length; i++)
        {
            try
            {
                _source.Free(elements[i]);
            }
            catch (Exception e)
            {
                // That is no reason to keep the others.
                error ??= e;
                if (e is MemoryFaultException)
                {
                    (elements[i], elements[refused]) = (elements[refused], elements[i]);
                    refused++;
                }
            }
        }

        return error;
    }

    private static void ThrowIfAny(Exception? error)
    {
        if (error is not null)
        {
            ExceptionDispatchInfo.Throw(error);
        }
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

        if (_elements.ContainsKey(address))
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

    private int LiveElements => _elements.Count - _leaving;

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed, this);

    private struct Element(nuint requested, OwnerId owner)
    {
        internal nuint Requested = requested;
        internal readonly OwnerId Owner = owner;

        /// <summary>Which departure it is on, so that whoever frees it beneath knows it from the next one at its address; 0 while it is live.</summary>
        internal int Departure;

        internal readonly bool IsLeaving => Departure != 0;
    }
}
