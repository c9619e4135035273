using System.Diagnostics;

namespace DimensionStore.Memory;

/// <summary>
/// Measures how long allocating and freeing take, on every operation or on a random sample. What is recorded includes reading the clock once;
/// operations that fail are not recorded.
/// </summary>
/// <remarks>
/// The sample is random and not every Nth operation: a program that allocates and frees in turns would, at an even N, only ever be seen doing one of them.
/// An operation that is not sampled pays for one step of a generator of random numbers.
/// </remarks>
public sealed class LatencyLayer : AllocatorLayer
{
    private readonly RandomSample _sample;

    /// <summary>Measures an allocator.</summary>
    /// <param name="inner">The allocator beneath.</param>
    /// <param name="sampleEvery">One in how many operations is timed; 1 times each.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="sampleEvery"/> is not positive.</exception>
    public LatencyLayer(MemoryAllocator inner, int sampleEvery = 64)
        : base(inner)
    {
        try
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(sampleEvery);
            SampleEvery = sampleEvery;
            _sample = new RandomSample(sampleEvery);
        }
        catch
        {
            Withdraw();
            throw;
        }
    }

    /// <summary>One in how many operations is timed.</summary>
    public int SampleEvery { get; }

    /// <summary>Times of <see cref="Allocate"/> and <see cref="TryAllocate"/>.</summary>
    public LatencyHistogram Allocations { get; } = new();

    /// <summary>Times of <see cref="Free"/> and <see cref="FreeSized"/>.</summary>
    public LatencyHistogram Frees { get; } = new();

    /// <inheritdoc/>
    public override nint Allocate(nuint size, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        if (!_sample.IsChosen())
        {
            return Inner.Allocate(size, alignment, options, owner);
        }

        long start = Stopwatch.GetTimestamp();
        nint address = Inner.Allocate(size, alignment, options, owner);
        Allocations.RecordSince(start);
        return address;
    }

    /// <inheritdoc/>
    public override bool TryAllocate(nuint size, out nint address, nuint alignment = DefaultAlignment, AllocationOptions options = AllocationOptions.None, OwnerId owner = default)
    {
        if (!_sample.IsChosen())
        {
            return Inner.TryAllocate(size, out address, alignment, options, owner);
        }

        long start = Stopwatch.GetTimestamp();
        bool allocated = Inner.TryAllocate(size, out address, alignment, options, owner);
        if (allocated)
        {
            Allocations.RecordSince(start);
        }

        return allocated;
    }

    /// <inheritdoc/>
    /// <remarks>Not measured.</remarks>
    public override nint Reallocate(nint address, nuint size, OwnerId owner = default) => Inner.Reallocate(address, size, owner);

    /// <inheritdoc/>
    protected internal override bool TryResizeInPlace(nint address, nuint size) => Inner.TryResizeInPlace(address, size);

    /// <inheritdoc/>
    public override void Free(nint address)
    {
        if (!_sample.IsChosen())
        {
            Inner.Free(address);
            return;
        }

        long start = Stopwatch.GetTimestamp();
        Inner.Free(address);
        Frees.RecordSince(start);
    }

    /// <inheritdoc/>
    public override void FreeSized(nint address, nuint size)
    {
        if (!_sample.IsChosen())
        {
            Inner.FreeSized(address, size);
            return;
        }

        long start = Stopwatch.GetTimestamp();
        Inner.FreeSized(address, size);
        Frees.RecordSince(start);
    }
}
