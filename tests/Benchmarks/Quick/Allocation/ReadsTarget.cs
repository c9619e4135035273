using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Quick.Allocation;

/// <summary>
/// No allocator: gives places of 16 KiB at random and reads what comes back, which is in no cache, at its first byte or, as canaries want it, at both ends. How long that takes is the
/// least that an allocator can need which looks at the block it frees.
/// </summary>
internal readonly unsafe struct ReadsTarget(nint region, bool bothEnds) : IReplayTarget
{
    private const int Shift = 14;
    private const int PlaceBits = 17;

    /// <summary>What the region must have.</summary>
    public const nuint Bytes = (nuint)1 << (PlaceBits + Shift);

    public void Settle()
    {
    }

    public nint Allocate(nuint size)
    {
        // Counted in the region itself, in the middle of place 0: sizes alone have too few values to name 100,000 places.
        ulong turn = ++*(ulong*)(region + (1 << (Shift - 1)));
        nint block = region + (nint)(((turn * 0x9E3779B97F4A7C15) >> (64 - PlaceBits)) << Shift);
        if (bothEnds)
        {
            *LastByteOf(block) = 1;
        }

        return block;
    }

    public nint AllocateZeroed(nuint size) => Allocate(size);

    public nint AllocateAligned(nuint size, nuint alignment) => Allocate(size);

    public nint Reallocate(nint address, nuint size) => Allocate(size);

    public void Free(nint address)
    {
        _ = Volatile.Read(ref *(byte*)address);
        if (bothEnds)
        {
            _ = Volatile.Read(ref *LastByteOf(address));
        }
    }

    private static byte* LastByteOf(nint block) => (byte*)(block + (1 << Shift) - 1);
}
