using System.Buffers;

namespace DimensionStore.Memory;

/// <summary>Presents a block as <see cref="Memory{T}"/> and frees it on dispose. A forgotten one is a leak that the allocator counts, never a crash: there is no finalizer that could free under a reader.</summary>
internal sealed unsafe class AllocatedMemoryManager(MemoryAllocator allocator, int length) : MemoryManager<byte>
{
    private nint _address;

    /// <summary>Gives the manager its block. Once, before anybody has it.</summary>
    internal void Take(nint address) => _address = address;

    public override Span<byte> GetSpan()
    {
        nint address = _address;
        ObjectDisposedException.ThrowIf(address == 0, this);
        return new Span<byte>((void*)address, length);
    }

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        nint address = _address;
        ObjectDisposedException.ThrowIf(address == 0, this);
        ArgumentOutOfRangeException.ThrowIfNegative(elementIndex);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(elementIndex, length);
        return new MemoryHandle((byte*)address + elementIndex);
    }

    public override void Unpin()
    {
        // Blocks never move, so there is nothing to undo.
    }

    protected override void Dispose(bool disposing)
    {
        nint address = Interlocked.Exchange(ref _address, 0);
        if (address != 0)
        {
            allocator.Free(address);
        }
    }
}
