using System.Runtime.InteropServices;
using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Quick;

/// <summary>What each level of diagnostics costs: allocate and free one block of 64 bytes.</summary>
internal static class DiagnosticsGroup
{
    private const int BlockBytes = 64;
    private const int ManyPairs = 100_000;
    private const int FewPairs = 2_000;

    public static IEnumerable<Measurement> Run()
    {
        using MemoryAllocator plain = NewInner();
        using DiagnosticLayer tracking = new(NewInner(), DiagnosticOptions.Tracking);
        using DiagnosticLayer canary = new(NewInner(), new DiagnosticOptions { QuarantineBytes = 0 });
        using DiagnosticLayer quarantine = new(NewInner());
        using DiagnosticLayer stack = new(NewInner(), DiagnosticOptions.Tracking with { StackEvery = 1 });
        using DiagnosticLayer sampled = new(NewInner(), DiagnosticOptions.Tracking with { StackEvery = 1_000 });
        using DiagnosticLayer pages = new(NewInner(), DiagnosticOptions.Pages with { GuardPageBytes = 64 << 20 });
        using DiagnosticLayer somePages = new(NewInner(), new DiagnosticOptions { GuardPagesEvery = 1_000, GuardPageBytes = 64 << 20 });
        return Race.Run("allocate and free 64 B by level of diagnostics", 9,
            new Contender("default: double, foreign and wrong-size free", () => Pairs(plain, ManyPairs), IsOurs: true),
            new Contender("plain, finds nothing: NativeMemory", NativePairs),
            new Contender("leak tracking with place and age", () => TrackedPairs(tracking, ManyPairs)),
            new Contender("leak tracking with one stack in 1,000", () => TrackedPairs(sampled, ManyPairs)),
            new Contender("leak tracking with every stack", () => TrackedPairs(stack, FewPairs)),
            new Contender("canaries", () => Pairs(canary, ManyPairs)),
            new Contender("canaries and quarantine with poison", () => Pairs(quarantine, ManyPairs)),
            new Contender("these, and one block in 1,000 on guard pages", () => Pairs(somePages, ManyPairs)),
            new Contender("every block on guard pages", () => Pairs(pages, FewPairs)));
    }

    private static MemoryAllocator NewInner() => AllocatorCatalog.Create("slab", new AllocatorSettings { CapacityBytes = 256 << 20 });

    private static unsafe long Pairs(MemoryAllocator allocator, int count)
    {
        for (int i = 0; i < count; i++)
        {
            nint block = allocator.Allocate(BlockBytes);
            *(byte*)block = 1;
            allocator.Free(block);
        }

        return count;
    }

    private static unsafe long TrackedPairs(DiagnosticLayer layer, int count)
    {
        for (int i = 0; i < count; i++)
        {
            nint block = layer.AllocateTracked(BlockBytes);
            *(byte*)block = 1;
            layer.Free(block);
        }

        return count;
    }

    private static unsafe long NativePairs()
    {
        for (int i = 0; i < ManyPairs; i++)
        {
            byte* block = (byte*)NativeMemory.Alloc(BlockBytes);
            *block = 1;
            NativeMemory.Free(block);
        }

        return ManyPairs;
    }
}
