using System.Buffers;

namespace DimensionStore.Memory.Native;

/// <summary>One LZ4 frame by <c>LZ4F_compressBegin</c>, <c>LZ4F_compressUpdate</c> and <c>LZ4F_compressEnd</c>.</summary>
internal sealed unsafe class Lz4Encoder : NativeEncoder
{
    private const int PieceBytes = 64 * 1024;
    private const int MaxHeadBytes = 19;

    private readonly Lz4Library _library;
    private Lz4Library.Preferences _preferences;
    private nint _context;
    private bool _hasBegun;

    public Lz4Encoder(Lz4Library library, nint context, Lz4Library.Preferences preferences)
    {
        _library = library;
        _context = context;
        _preferences = preferences;
        fixed (Lz4Library.Preferences* given = &_preferences)
        {
            // The bound holds for one update and for the end; the head comes in front of the first.
            OutputBytes = MaxHeadBytes + (int)library.CompressBound(PieceBytes, given);
        }
    }

    /// <inheritdoc/>
    public override int OutputBytes { get; }

    /// <inheritdoc/>
    public override OperationStatus Encode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written, bool isFinal)
    {
        ObjectDisposedException.ThrowIf(_context == 0, this);
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, OutputBytes);
        nuint given = 0;
        consumed = Math.Min(source.Length, PieceBytes);
        fixed (byte* from = source, to = destination)
        {
            if (!_hasBegun)
            {
                fixed (Lz4Library.Preferences* preferences = &_preferences)
                {
                    given = _library.Check(_library.CompressBegin(_context, to, (nuint)destination.Length, preferences));
                }

                _hasBegun = true;
            }

            // The end needs room of its own, so it is a call without source.
            given += source.IsEmpty && isFinal
                ? _library.Check(_library.CompressEnd(_context, to + given, (nuint)destination.Length - given, null))
                : _library.Check(_library.CompressUpdate(_context, to + given, (nuint)destination.Length - given, from, (nuint)consumed, null));
        }

        written = (int)given;
        return consumed == source.Length && (source.IsEmpty || !isFinal) ? OperationStatus.Done : OperationStatus.DestinationTooSmall;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (_context != 0)
        {
            _library.FreeEncoder(_context);
            _context = 0;
        }
    }
}
