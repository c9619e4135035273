namespace DimensionStore.Memory;

/// <summary>
/// How many requests are between the allocator beneath, which has given them a block, and the layer's own note of it. While there are any, a block that the layer does not know may be about
/// to become somebody's.
/// </summary>
internal struct UnderWay
{
    private int _count;

    /// <summary>
    /// Whether nothing is under way. Who saw a block before asking this, and looks for its note after it, knows that a block without one did not come through the layer.
    /// </summary>
    internal bool IsNothing => Volatile.Read(ref _count) == 0;

    internal void Begin() => Interlocked.Increment(ref _count);

    internal void End() => Interlocked.Decrement(ref _count);
}
