namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Who waits for a lock gets it, however often others take it.</summary>
public sealed class AllocatorLockTests
{
    private AllocatorLock _lock;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_thread_that_takes_the_lock_again_and_again_does_not_keep_another_from_it_for_ever(int attempt)
    {
        const int MostRounds = 30_000;
        int waiting = 0;
        int served = 0;
        int rounds = 0;
        ThreadGroup.Run(2, thread =>
        {
            if (thread == 0)
            {
                SpinWait.SpinUntil(() => Volatile.Read(ref waiting) != 0);
                _lock.Enter();
                Volatile.Write(ref served, 1);
                _lock.Exit();
                return;
            }

            // Free for a nanosecond at a time: whoever sleeps between two looks hardly ever sees it free.
            while (Volatile.Read(ref served) == 0 && rounds < MostRounds)
            {
                _lock.Enter();
                Volatile.Write(ref waiting, 1);
                rounds++;
                Thread.SpinWait(2_000 + attempt);
                _lock.Exit();
            }
        });
        Assert.InRange(rounds, 1, MostRounds - 1);
    }

    [Fact]
    public void An_interruption_is_put_off_until_the_lock_was_had()
    {
        _lock.Enter();
        InterruptedWait.Run(
            () =>
            {
                _lock.Enter();
                _lock.Exit();
            },
            () => _lock.Exit());
    }

    [Fact]
    public void An_interruption_does_not_end_the_wait_for_those_who_use_memory()
    {
        MemoryUse use = default;
        Assert.True(use.TryEnter());
        InterruptedWait.Run(() => use.Close(), () => use.Exit());
        Assert.False(use.TryEnter());
    }

    [Fact]
    public void Only_one_thread_at_a_time_has_it()
    {
        int inside = 0;
        int most = 0;
        long count = 0;
        ThreadGroup.Run(4, _ =>
        {
            for (int i = 0; i < 2_000; i++)
            {
                _lock.Enter();
                most = Math.Max(most, ++inside);
                count++;
                Thread.SpinWait(100);
                inside--;
                _lock.Exit();
            }
        });
        Assert.Equal((1, 8_000), (most, count));
    }
}
