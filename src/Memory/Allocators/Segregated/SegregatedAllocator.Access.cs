using System.Numerics;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory;

/// <summary>Access by address, with bounds, alignment and protection checked. Addresses inside a block count as well as its start.</summary>
public sealed unsafe partial class SegregatedAllocator
{
    private Dictionary<uint, PageAccess>? _protected;

    /// <summary>Copies bytes out of a live block.</summary>
    /// <remarks>
    /// Done under the allocator's lock, so that the block cannot be freed meanwhile: meant for messages and inspection, not for megabytes in a loop.
    /// </remarks>
    /// <param name="address">First byte to read, anywhere in a live block.</param>
    /// <param name="destination">Filled completely.</param>
    /// <exception cref="MemoryFaultException"><see cref="MemoryFault.OutOfBounds"/>: the range does not lie within one live block. <see cref="MemoryFault.ProtectionViolation"/>: the block allows no access.</exception>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public void Read(nint address, Span<byte> destination)
    {
        BiasedLock.Record? entered = _lock.Enter();
        MemoryFaultException? fault;
        try
        {
            fault = CheckAccessLocked(address, destination.Length, 1, PageAccess.Read);
            if (fault is null)
            {
                new ReadOnlySpan<byte>((void*)address, destination.Length).CopyTo(destination);
            }
        }
        finally
        {
            _lock.Exit(entered);
        }

        ThrowIf(fault);
    }

    /// <summary>Copies bytes into a live block.</summary>
    /// <inheritdoc cref="Read(nint, Span{byte})"/>
    /// <param name="address">First byte to write, anywhere in a live block.</param>
    /// <param name="source">Written completely, or not at all.</param>
    /// <exception cref="MemoryFaultException"><see cref="MemoryFault.OutOfBounds"/>: the range does not lie within one live block. <see cref="MemoryFault.ProtectionViolation"/>: the block must not be written.</exception>
    public void Write(nint address, ReadOnlySpan<byte> source)
    {
        BiasedLock.Record? entered = _lock.Enter();
        MemoryFaultException? fault;
        try
        {
            fault = CheckAccessLocked(address, source.Length, 1, PageAccess.ReadWrite);
            if (fault is null)
            {
                source.CopyTo(new Span<byte>((void*)address, source.Length));
            }
        }
        finally
        {
            _lock.Exit(entered);
        }

        ThrowIf(fault);
    }

    /// <summary>Reads a value at its natural alignment: its size rounded down to a power of two, at most 16.</summary>
    /// <exception cref="MemoryFaultException">As for <see cref="Read(nint, Span{byte})"/>, or <see cref="MemoryFault.Misaligned"/>.</exception>
    public T Read<T>(nint address)
        where T : unmanaged
    {
        BiasedLock.Record? entered = _lock.Enter();
        MemoryFaultException? fault;
        T value = default;
        try
        {
            fault = CheckAccessLocked(address, sizeof(T), AlignmentOf<T>(), PageAccess.Read);
            if (fault is null)
            {
                value = *(T*)address;
            }
        }
        finally
        {
            _lock.Exit(entered);
        }

        ThrowIf(fault);
        return value;
    }

    /// <summary>Writes a value at its natural alignment: its size rounded down to a power of two, at most 16.</summary>
    /// <exception cref="MemoryFaultException">As for <see cref="Write(nint, ReadOnlySpan{byte})"/>, or <see cref="MemoryFault.Misaligned"/>.</exception>
    public void Write<T>(nint address, T value)
        where T : unmanaged
    {
        BiasedLock.Record? entered = _lock.Enter();
        MemoryFaultException? fault;
        try
        {
            fault = CheckAccessLocked(address, sizeof(T), AlignmentOf<T>(), PageAccess.ReadWrite);
            if (fault is null)
            {
                *(T*)address = value;
            }
        }
        finally
        {
            _lock.Exit(entered);
        }

        ThrowIf(fault);
    }

    /// <summary>
    /// Says what <see cref="Read(nint, Span{byte})"/> and <see cref="Write(nint, ReadOnlySpan{byte})"/> may do with a block, until it is freed. Raw pointers and spans are not held back:
    /// a block shares its pages with others, and the processor protects pages only.
    /// </summary>
    /// <param name="address">A live block.</param>
    /// <param name="access">What is allowed from now on.</param>
    /// <exception cref="MemoryFaultException">The address is not a live block of this allocator.</exception>
    /// <exception cref="ObjectDisposedException">The allocator is disposed.</exception>
    public void Protect(nint address, PageAccess access)
    {
        if (access is < PageAccess.None or > PageAccess.ReadWrite)
        {
            throw new ArgumentOutOfRangeException(nameof(access), access, "Expected None, Read or ReadWrite.");
        }

        BiasedLock.Record? entered = _lock.Enter();
        uint start = _heap.GranuleAt(address);
        if (start == None || _heap.LiveLength(start) == 0)
        {
            throw FaultAndExit(address, entered);
        }

        try
        {
            if (access == PageAccess.ReadWrite)
            {
                _protected?.Remove(start);
            }
            else
            {
                (_protected ??= [])[start] = access;
                SetPlain(false);
            }
        }
        finally
        {
            _lock.Exit(entered);
        }
    }

    private static int AlignmentOf<T>()
        where T : unmanaged => Math.Min(16, 1 << BitOperations.Log2((uint)sizeof(T)));

    private void ThrowIf(MemoryFaultException? fault)
    {
        if (fault is not null)
        {
            Observer?.OnFault(this, fault);
            throw fault;
        }
    }

    /// <summary>What is wrong with an access, or null.</summary>
    private MemoryFaultException? CheckAccessLocked(nint address, int bytes, int alignment, PageAccess access)
    {
        nuint offset = (nuint)(address - _memory.Start);
        uint start = offset < (nuint)_capacityBytes ? _heap.StartOfBlockAround((uint)(offset >> GranuleShift)) : None;
        uint granules = start == None ? 0 : _heap.LiveLength(start);
        if (granules == 0)
        {
            return new MemoryFaultException(Name, MemoryFault.OutOfBounds, address, 0, OwnerId.None, $"{bytes:N0} bytes were to be accessed where no live block is. Use an address inside a block that was not freed.");
        }

        nuint inBlock = offset - ((nuint)start << GranuleShift);
        nuint size = (nuint)granules << GranuleShift;
        if ((nuint)bytes > size - inBlock)
        {
            return new MemoryFaultException(Name, MemoryFault.OutOfBounds, address, (long)size, OwnerOf(start, granules), $"{bytes:N0} bytes were to be accessed {inBlock:N0} bytes into the block at 0x{_heap.AddressOf(start):x}, which leaves {size - inBlock:N0}.");
        }

        if (((nuint)address & (nuint)(alignment - 1)) != 0)
        {
            return new MemoryFaultException(Name, MemoryFault.Misaligned, address, (long)size, OwnerOf(start, granules), $"a value of {bytes:N0} bytes must lie at a multiple of {alignment}.");
        }

        return _protected is not null && _protected.TryGetValue(start, out PageAccess allowed) && allowed < access
            ? new MemoryFaultException(Name, MemoryFault.ProtectionViolation, address, (long)size, OwnerOf(start, granules), $"the block at 0x{_heap.AddressOf(start):x} allows {allowed}, {access} was wanted. Change its protection first.")
            : null;
    }
}
