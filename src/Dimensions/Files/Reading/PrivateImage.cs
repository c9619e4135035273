using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore;

/// <summary>Memory of its own for one image: filled once, read-only from then on, given back when disposed or forgotten.</summary>
internal sealed unsafe class PrivateImage : SafeHandle
{
    private readonly nuint _reserved;

    /// <summary>Reserves and commits memory.</summary>
    /// <param name="length">Bytes, at least 1.</param>
    /// <exception cref="VirtualMemoryException">The operating system refused.</exception>
    public PrivateImage(long length)
        : base(0, ownsHandle: true)
    {
        Length = length;
        _reserved = checked((nuint)length);
        SetHandle(VirtualMemory.Reserve(_reserved));
        VirtualMemory.Commit(handle, _reserved);
    }

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <summary>The first byte.</summary>
    public nint Address => handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>A part of the memory, for filling.</summary>
    public Span<byte> Slice(long offset, int length) => new((byte*)handle + offset, length);

    /// <summary>Makes the memory read-only: a stray write faults instead of changing what is served.</summary>
    public void Freeze() => VirtualMemory.Protect(handle, _reserved, PageAccess.Read);

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        VirtualMemory.Release(handle, _reserved);
        return true;
    }
}
