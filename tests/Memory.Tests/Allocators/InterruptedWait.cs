namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>A thread that is interrupted while it waits for another: it must get what it waits for, and the interruption after that.</summary>
internal static class InterruptedWait
{
    /// <param name="wait">Waits until <paramref name="release"/> was called.</param>
    /// <param name="release">Called once the other thread has slept, or has ended because it was not patient.</param>
    internal static void Run(Action wait, Action release)
    {
        bool isServed = false;
        bool isTold = false;
        Thread waiter = new(() =>
        {
            try
            {
                // Meets the first sleep.
                Thread.CurrentThread.Interrupt();
                wait();
                isServed = true;
                Thread.Sleep(Timeout.Infinite);
            }
            catch (ThreadInterruptedException)
            {
                isTold = true;
            }
        });
        waiter.Start();

        // In the end it does not sleep any more, where it is in a hurry.
        SpinWait.SpinUntil(() => !waiter.IsAlive || (waiter.ThreadState & ThreadState.WaitSleepJoin) != 0, TimeSpan.FromSeconds(2));
        release();
        waiter.Join();
        Assert.Equal((true, true), (isServed, isTold));
    }
}
