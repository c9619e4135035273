using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>The words before and behind the usable bytes of an object, as in the specification's <c>safe_small_op_t</c>.</summary>
internal static unsafe class ObjectCanary
{
    internal const uint Head = 0xDEADBEEF;
    internal const uint Tail = 0xBEEFDEAD;

    /// <summary>Bytes of one of them.</summary>
    internal const int Bytes = sizeof(uint);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Write(nint address, nuint usable)
    {
        Unsafe.WriteUnaligned((void*)(address - Bytes), Head);
        Unsafe.WriteUnaligned((void*)(address + (nint)usable), Tail);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsHeadIntact(nint address) => Unsafe.ReadUnaligned<uint>((void*)(address - Bytes)) == Head;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsTailIntact(nint address, nuint usable) => Unsafe.ReadUnaligned<uint>((void*)(address + (nint)usable)) == Tail;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsIntact(nint address, nuint usable) => IsHeadIntact(address) && IsTailIntact(address, usable);
}
