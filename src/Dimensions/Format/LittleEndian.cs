using System.Runtime.CompilerServices;

namespace DimensionStore;

/// <summary>
/// Unaligned loads from bytes whose bounds the caller has checked. The index is searched in place by vector compares over little-endian words,
/// so this library runs on little-endian machines only: all that .NET is released for but one.
/// </summary>
internal static class LittleEndian
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint U32(ref byte source) => Unsafe.ReadUnaligned<uint>(ref source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong U64(ref byte source) => Unsafe.ReadUnaligned<ulong>(ref source);
}
