using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Allocators;

public enum OperationKind
{
    Allocate,
    AllocateZeroed,
    AllocateNoGrow,
    AllocateAligned,
    Free,
    FreeSized,
    FreeWrongSize,
    FreeTwice,
    FreeInside,
    FreeForeign,
    Look,
    Reallocate,
    Trim,
    Reset,
}

/// <summary>One step of a random run. <paramref name="Pick"/> chooses among the live blocks.</summary>
public readonly record struct AllocatorOperation(OperationKind Kind, int Size, int Pick, int Owner)
{
    /// <summary>Runs that allocate more than they free, so that they come to the limit, with the rare steps rare.</summary>
    public static Arbitrary<AllocatorOperation[]> Runs(int largestSize)
    {
        Gen<OperationKind> kind = Gen.Frequency(
            (30, Gen.Constant(OperationKind.Allocate)),
            (6, Gen.Constant(OperationKind.AllocateZeroed)),
            (4, Gen.Constant(OperationKind.AllocateNoGrow)),
            (6, Gen.Constant(OperationKind.AllocateAligned)),
            (16, Gen.Constant(OperationKind.Free)),
            (8, Gen.Constant(OperationKind.FreeSized)),
            (2, Gen.Constant(OperationKind.FreeWrongSize)),
            (2, Gen.Constant(OperationKind.FreeTwice)),
            (2, Gen.Constant(OperationKind.FreeInside)),
            (2, Gen.Constant(OperationKind.FreeForeign)),
            (3, Gen.Constant(OperationKind.Look)),
            (4, Gen.Constant(OperationKind.Reallocate)),
            (2, Gen.Constant(OperationKind.Trim)),
            (1, Gen.Constant(OperationKind.Reset)));

        // Sizes spread over orders of magnitude: a uniform choice would hardly ever be small.
        Gen<int> size =
            from bits in Gen.Choose(0, (int)Math.Log2(largestSize))
            from low in Gen.Choose(0, (1 << bits) - 1)
            select Math.Min(largestSize, (1 << bits) + low);
        Gen<AllocatorOperation> operation =
            from k in kind
            from s in size
            from pick in Gen.Choose(0, int.MaxValue - 1)
            from owner in Gen.Choose(0, 5)
            select new AllocatorOperation(k, s, pick, owner);
        Gen<AllocatorOperation[]> runs =
            from length in Gen.Choose(1, 400)
            from operations in operation.ArrayOf(length)
            select operations;
        return Arb.From(runs, Shrink);
    }

    private static IEnumerable<AllocatorOperation[]> Shrink(AllocatorOperation[] operations)
    {
        for (int piece = operations.Length / 2; piece > 0; piece /= 2)
        {
            for (int start = 0; start + piece <= operations.Length; start += piece)
            {
                yield return [.. operations.AsSpan(0, start), .. operations.AsSpan(start + piece)];
            }
        }
    }
}
