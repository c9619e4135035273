using System.Runtime.InteropServices;

namespace DimensionStore.Memory;

/// <summary>One operation of an <see cref="AllocationTrace"/>, laid out as in the file: 12 bytes.</summary>
/// <param name="Operation">What was asked for.</param>
/// <param name="Thread">Which of the program's threads asked, from 0.</param>
/// <param name="AlignmentLog2">Base-2 logarithm of the alignment in bytes; 0 but for <see cref="TraceOperation.AllocateAligned"/>.</param>
/// <param name="Id">The object's number; it names one live object at a time and is used again after its free.</param>
/// <param name="Size">Bytes; for a free those that were allocated. A program may ask for 0 bytes.</param>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public readonly record struct TraceRecord(TraceOperation Operation, byte Thread, ushort AlignmentLog2, uint Id, uint Size)
{
    /// <summary>Bytes of a record in a file.</summary>
    public const int Bytes = 12;
}
