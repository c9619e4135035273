using System.Collections.Concurrent;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Threads that do the same job at once; what any of them throws fails the test.</summary>
internal static class ThreadGroup
{
    internal static void Run(int count, Action<int> job)
    {
        ConcurrentQueue<Exception> failures = new();
        Thread[] threads = [.. Enumerable.Range(0, count).Select(number => new Thread(() =>
        {
            try
            {
                job(number);
            }
#pragma warning disable CA1031 // Carried to the test's own thread, which fails with it.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failures.Enqueue(e);
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        if (!failures.IsEmpty)
        {
            throw new AggregateException(failures);
        }
    }
}
