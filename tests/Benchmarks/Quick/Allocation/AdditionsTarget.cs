using System.Diagnostics;
using System.Runtime.CompilerServices;
using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Quick.Allocation;

/// <summary>No allocator, and no memory: adds for as long as told. Whatever holds its calls up longer is the machine, and the longer a call, the more often.</summary>
internal readonly unsafe struct AdditionsTarget : IReplayTarget
{
    private static readonly byte[] s_block = GC.AllocateArray<byte>(64, pinned: true);

    private readonly int _allocate;
    private readonly int _free;

    private AdditionsTarget(int allocate, int free)
    {
        _allocate = allocate;
        _free = free;
    }

    /// <summary>Calls that take so many nanoseconds each.</summary>
    public static AdditionsTarget For(double allocateNanoseconds, double freeNanoseconds)
    {
        const int Trial = 1 << 20;
        double fastest = double.MaxValue;
        for (int i = 0; i < 20; i++)
        {
            long begin = Stopwatch.GetTimestamp();
            Additions.Run(Trial);
            fastest = Math.Min(fastest, Stopwatch.GetElapsedTime(begin).TotalNanoseconds);
        }

        return new AdditionsTarget((int)(allocateNanoseconds / fastest * Trial), (int)(freeNanoseconds / fastest * Trial));
    }

    public void Settle()
    {
    }

    public nint Allocate(nuint size)
    {
        Additions.Run(_allocate);
        return (nint)Unsafe.AsPointer(ref s_block[0]);
    }

    public nint AllocateZeroed(nuint size) => Allocate(size);

    public nint AllocateAligned(nuint size, nuint alignment) => Allocate(size);

    public nint Reallocate(nint address, nuint size) => Allocate(size);

    public void Free(nint address) => Additions.Run(_free);
}
