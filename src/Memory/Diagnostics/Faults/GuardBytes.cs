using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>
/// The 16 bytes on either side of a block. They are derived from the address they lie at and from a number drawn per process, so that guards which were copied along with a block,
/// or written by who knows the constants of another allocator, do not pass.
/// </summary>
internal static unsafe class GuardBytes
{
    /// <summary>Bytes on each side.</summary>
    internal const int Length = 16;

    /// <summary>What quarantined blocks are filled with.</summary>
    internal const byte Poison = 0xDB;

    private static readonly ulong s_key = (ulong)Random.Shared.NextInt64() | 1;

    /// <summary>Writes the guard that starts at an address.</summary>
    internal static void Write(nint at)
    {
        Unsafe.WriteUnaligned((void*)at, Word(at));
        Unsafe.WriteUnaligned((void*)(at + 8), Word(at + 8));
    }

    /// <summary>Whether the guard that starts at an address is as it was written.</summary>
    internal static bool IsIntact(nint at) =>
        Unsafe.ReadUnaligned<ulong>((void*)at) == Word(at) && Unsafe.ReadUnaligned<ulong>((void*)(at + 8)) == Word(at + 8);

    /// <summary>Fills a range of any length with guard bytes.</summary>
    internal static void Fill(nint start, nint end)
    {
        for (nint at = start; at < end; at++)
        {
            *(byte*)at = ByteAt(at);
        }
    }

    /// <summary>Whether a range is as <see cref="Fill"/> left it.</summary>
    internal static bool IsFilled(nint start, nint end)
    {
        for (nint at = start; at < end; at++)
        {
            if (*(byte*)at != ByteAt(at))
            {
                return false;
            }
        }

        return true;
    }

    private static ulong Word(nint at)
    {
        ulong mixed = ((ulong)at ^ s_key) * 0x9E3779B97F4A7C15;

        // No byte is 0: the commonest overrun writes one, the end of a string, and would pass wherever it is there already.
        return (mixed ^ (mixed >> 32)) | 0x0101010101010101;
    }

    private static byte ByteAt(nint at) => (byte)(Word(at) >> 24);
}
