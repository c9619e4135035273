namespace DimensionStore.Memory;

/// <summary>Waits for another thread of a replay: a little on the processor, then by giving it away. Never by sleeping, since a millisecond is 100,000 operations.</summary>
internal struct ReplayWait
{
    private int _count;

    internal void Once()
    {
        if (++_count < 20 && Environment.ProcessorCount > 1)
        {
            Thread.SpinWait(10);
        }
        else
        {
            Thread.Yield();
        }
    }
}
