using System.Runtime.CompilerServices;
using DimensionStore.Memory;

namespace DimensionStore;

/// <summary>
/// Zero-copy access to a layer. The bytes stay valid until it is disposed, whatever is unloaded, replaced or closed meanwhile.
/// Dispose it once, on the same thread, soon: while it is open, memory that others take out waits for it. Do not copy it; it cannot cross an await.
/// </summary>
public readonly unsafe ref struct LayerAccess
{
    private readonly ReadBracket _bracket;
    private readonly LoadedRegion? _region;
    private readonly byte* _address;
    private readonly int _length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal LayerAccess(ReadBracket bracket, LoadedRegion region, byte* address, int length)
    {
        _bracket = bracket;
        _region = region;
        _address = address;
        _length = length;
    }

    /// <summary>The layer's (uncompressed) bytes. Not to be used after <see cref="Dispose"/>.</summary>
    public ReadOnlySpan<byte> Span
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(_address, _length);
    }

    /// <summary>Whether they come from the simulation.</summary>
    public bool IsSimulated => _region is { IsSimulated: true };

    /// <summary>Header and metadata of the dimension that these bytes belong to, even if another is loaded by now.</summary>
    internal DimensionDescriptor Descriptor => _region!.Region.Descriptor;

    /// <summary>Ends the access.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispose()
    {
        if (_region is not null)
        {
            _bracket.Dispose();

            // A store that nobody holds any more must not be collected, and unmapped, under a reader.
            GC.KeepAlive(_region);
        }
    }
}
