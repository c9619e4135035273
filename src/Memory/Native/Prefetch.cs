using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace DimensionStore.Memory.Native;

/// <summary>Asks the processor for a cache line that will be wanted before its address is needed. Never faults, whatever the address.</summary>
internal static unsafe class Prefetch
{
    /// <summary>Bytes of a cache line.</summary>
    public const int LineBytes = 64;

    /// <summary>Fetches the line of <paramref name="address"/> where the processor can be asked to; else does nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(ref byte address) => Line(Unsafe.AsPointer(ref address));

    /// <summary>Fetches the line of <paramref name="address"/> where the processor can be asked to; else does nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Line(void* address)
    {
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(address);
        }
    }
}
