using System.IO.MemoryMappedFiles;
using DimensionStore.Memory.Native;
using Microsoft.Win32.SafeHandles;

namespace DimensionStore;

/// <summary>
/// One dimension in memory: a mapped file, a private copy, or a simulated image. Header and metadata are checked when it is opened;
/// everything read later is bounds-checked. Immutable and thread-safe; whoever disposes it must know that nobody reads any more.
/// </summary>
public sealed unsafe class MmapRegion : IDisposable
{
    private readonly MemoryMappedFile? _map;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly PrivateImage? _copy;
    private readonly byte* _first;
    private int _disposed;

    private MmapRegion(string path, DimensionDescriptor descriptor, MemoryMappedFile map, MemoryMappedViewAccessor view)
    {
        FilePath = path;
        Descriptor = descriptor;
        Residency = Residency.Shared;
        _map = map;
        _view = view;
        byte* page = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref page);
        // Views begin on a page; the offset into it is 0 here, and adding it costs nothing.
        _first = page + view.PointerOffset;
    }

    private MmapRegion(string? path, DimensionDescriptor descriptor, PrivateImage copy)
    {
        FilePath = path;
        Descriptor = descriptor;
        Residency = Residency.Private;
        _copy = copy;
        _first = (byte*)copy.Address;
    }

    /// <summary>Header and metadata.</summary>
    public DimensionDescriptor Descriptor { get; }

    /// <summary>The file, or null for a simulated image.</summary>
    public string? FilePath { get; }

    /// <summary>Where the bytes live.</summary>
    public Residency Residency { get; }

    /// <summary>Length in bytes (the specification's <c>size()</c>).</summary>
    public long Size => Descriptor.TotalSize;

    /// <summary>The whole image. Valid until <see cref="Dispose"/>.</summary>
    /// <exception cref="OutOfBoundsException">It is longer than a span can be, 2,147,483,647 bytes; use <see cref="Access"/>.</exception>
    public ReadOnlySpan<byte> Image => Part(0, Size);

    /// <summary>The keyword index over the image; empty where the file has none.</summary>
    /// <exception cref="DimensionFormatException">The index contradicts its own counts.</exception>
    public KeywordIndex Index => Descriptor.HasIndex
        ? KeywordIndex.Open(Part(Descriptor.IndexOffset, Descriptor.IndexLength), Descriptor.IndexOffset)
        : default;

    /// <summary>The image's first byte, for the store, which checks bounds against the descriptor once and not on every access.</summary>
    internal nint Address => (nint)_first;

    /// <summary>Maps or copies a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="residency">Where its bytes shall live.</param>
    /// <param name="verify">Check everything, not only header and metadata.</param>
    /// <exception cref="DimensionFormatException">A rule of the format is broken.</exception>
    /// <exception cref="CodecUnavailableException">The file is to be verified, and a layer's codec needs a library of the system that is not installed.</exception>
    /// <exception cref="IOException">The file cannot be opened, read or mapped.</exception>
    public static MmapRegion Open(string path, Residency residency = Residency.Shared, bool verify = false)
    {
        SafeFileHandle file = FileHead.Open(path);
        try
        {
            DimensionDescriptor descriptor = FileHead.Read(file, path);
            if (residency == Residency.Private)
            {
                return Copy(file, path, descriptor, verify);
            }

            if (verify)
            {
                new ImageVerifier(descriptor, new FileImageSource(file, path, descriptor.TotalSize), path).Run();
            }

            return Map(file, path, descriptor);
        }
        finally
        {
            file.Dispose();
        }
    }

    /// <summary>Copies an image that was built in memory.</summary>
    internal static MmapRegion FromImage(ReadOnlySpan<byte> image)
    {
        DimensionDescriptor descriptor = DimensionDescriptor.Parse(image, image.Length);
        PrivateImage copy = new(image.Length);
        try
        {
            image.CopyTo(copy.Slice(0, image.Length));
            copy.Freeze();
            return new MmapRegion(null, descriptor, copy);
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    /// <summary>Bytes of the image, bounds-checked (the specification's <c>access(offset, size)</c>).</summary>
    /// <exception cref="OutOfBoundsException">The range is not inside the image.</exception>
    public ReadOnlySpan<byte> Access(long offset, int size)
        => (offset | (long)size) >= 0 && offset <= Size - size ? Bytes(offset, size) : throw OutOfBounds(offset, size);

    /// <summary>The stored bytes of a layer.</summary>
    /// <exception cref="LayerNotFoundException">The file has no such layer.</exception>
    /// <exception cref="OutOfBoundsException">The layer is longer than a span can be, 2,147,483,647 bytes; use <see cref="Access"/>.</exception>
    public ReadOnlySpan<byte> StoredLayer(int layer)
    {
        foreach (LayerDescriptor descriptor in Descriptor.Layers)
        {
            if (descriptor.Layer == layer)
            {
                return Part(descriptor.ContentOffset, descriptor.ContentSize);
            }
        }

        throw new LayerNotFoundException(new LayerId(Descriptor.Id, layer));
    }

    /// <summary>Unmaps.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
        {
            return;
        }

        _view?.SafeMemoryMappedViewHandle.ReleasePointer();
        _view?.Dispose();
        _map?.Dispose();
        _copy?.Dispose();
    }

    private static MmapRegion Map(SafeFileHandle file, string path, DimensionDescriptor descriptor)
    {
        MemoryMappedFile? map = null;
        MemoryMappedViewAccessor? view = null;
        try
        {
            map = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
            // Asked after the mapping: a file that shrank since its header was read is refused here. One that shrinks later is the hazard that Residency.Shared names.
            long length = RandomAccess.GetLength(file);
            if (length != descriptor.TotalSize)
            {
                throw new DimensionFormatException(
                    length < descriptor.TotalSize ? DimensionFormatError.Truncated : DimensionFormatError.TrailingData,
                    DimensionFormat.TotalSizeOffset,
                    $"{descriptor.TotalSize:N0} bytes, the file's length when it was opened",
                    $"{length:N0}",
                    path);
            }

            MmapRegion region = new(path, descriptor, map, view);
            // Without this one touch reads megabytes ahead on a cold file, and a first answer costs milliseconds.
            VirtualMemory.Advise(region.Address, (nuint)descriptor.TotalSize, AccessAdvice.Random);
            return region;
        }
        catch
        {
            view?.Dispose();
            map?.Dispose();
            throw;
        }
    }

    private static MmapRegion Copy(SafeFileHandle file, string path, DimensionDescriptor descriptor, bool verify)
    {
        PrivateImage copy = new(descriptor.TotalSize);
        try
        {
            const int Piece = 1 << 20;
            for (long at = 0; at < copy.Length; at += Piece)
            {
                FileHead.ReadExactly(file, copy.Slice(at, (int)Math.Min(Piece, copy.Length - at)), at, copy.Length, path);
            }

            // Judged by the copy alone: the file may have been changed between reading its head and copying it.
            descriptor = FileHead.Parse(copy, path);
            if (verify)
            {
                new ImageVerifier(descriptor, new MemoryImageSource((byte*)copy.Address, copy.Length), path).Run();
            }

            copy.Freeze();
            return new MmapRegion(path, descriptor, copy);
        }
        catch
        {
            copy.Dispose();
            throw;
        }
    }

    /// <summary>A part that the checked descriptor says is there; only its length may be too much for a span.</summary>
    private ReadOnlySpan<byte> Part(long offset, long length) => length <= int.MaxValue
        ? Bytes(offset, (int)length)
        : throw new OutOfBoundsException(offset, length, int.MaxValue, $"A span over {FilePath ?? Descriptor.Id.ToString()}");

    private ReadOnlySpan<byte> Bytes(long offset, int size)
    {
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return new ReadOnlySpan<byte>(_first + offset, size);
    }

    private OutOfBoundsException OutOfBounds(long offset, long size) => new(offset, size, Size, FilePath ?? Descriptor.Id.ToString());
}
