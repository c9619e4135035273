using DimensionStore.Benchmarks.Peers;
using DimensionStore.Memory;

namespace DimensionStore.Benchmarks.Quick.Allocation;

/// <summary>Every allocator of the catalog, each fresh, and the peers on this machine. A workload is written once and compiled for each.</summary>
internal sealed class Rivals : IDisposable
{
    private readonly List<(AllocatorKind Kind, MemoryAllocator Allocator)> _ours = [];
    private readonly GeneralAllocator _byThreadHeap;

    /// <param name="capacityBytes">What each of ours may commit.</param>
    /// <param name="without">Names of the catalog to leave out.</param>
    public Rivals(long capacityBytes, params ReadOnlySpan<string> without)
    {
        _byThreadHeap = new GeneralAllocator(capacityBytes);
        foreach (AllocatorKind kind in AllocatorCatalog.All)
        {
            if (!without.Contains(kind.Name))
            {
                _ours.Add((kind, kind.Create(new AllocatorSettings { CapacityBytes = capacityBytes })));
            }
        }
    }

    /// <summary>Contenders for a workload, ours first. One that cannot do it is left out, with a line that says why.</summary>
    /// <param name="workload">Makes the batch for a target.</param>
    /// <param name="threads">Leave out ours that do not take so many threads at once.</param>
    public IEnumerable<Contender> Enter(IReplayTargetVisitor<Func<long>> workload, int threads = 1)
    {
        foreach ((AllocatorKind kind, MemoryAllocator allocator) in _ours)
        {
            if (threads == 1 || allocator.IsThreadSafe)
            {
                Func<long> batch = allocator is SizeClassAllocator slabs ? workload.Visit(new SizeClassTarget(slabs)) : ReplayTargets.Dispatch(allocator, workload);
                Contender contender = new(kind.Name, batch, IsOurs: true);
                if (Works(contender))
                {
                    yield return contender;
                }

                if (allocator is GeneralAllocator)
                {
                    yield return new Contender("general, ThreadHeap", workload.Visit(new ThreadHeapTarget(_byThreadHeap)), IsOurs: true);
                }
            }
        }

        yield return new Contender("NativeMemory", workload.Visit(default(NativeTarget)));
        if (NativeHeap.Mimalloc is { } mimalloc)
        {
            yield return new Contender("mimalloc, called directly", workload.Visit(mimalloc));
        }

        if (NativeHeap.Jemalloc is { } jemalloc)
        {
            yield return new Contender("jemalloc, called directly", workload.Visit(jemalloc));
        }
    }

    private static bool Works(Contender contender)
    {
        try
        {
            contender.RunBatch();
            return true;
        }
        catch (Exception failure) when (failure is MemoryToolkitException or ArgumentException)
        {
            Console.WriteLine($"{contender.Name} is left out: {failure.Message}");
            return false;
        }
    }

    public void Dispose()
    {
        _byThreadHeap.Dispose();
        foreach ((_, MemoryAllocator allocator) in _ours)
        {
            allocator.Dispose();
        }
    }
}
