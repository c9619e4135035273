namespace DimensionStore.Memory.Tests.Reclamation;

public sealed class ReaderRegistryTests
{
    [Fact]
    public void Drain_with_nobody_inside_answers_true_at_once() => Assert.True(ReaderRegistry.TryDrain(TimeSpan.FromSeconds(30)));

    [Fact]
    public void Own_open_bracket_makes_drain_answer_false()
    {
        using (ReaderRegistry.Enter())
        {
            Assert.False(ReaderRegistry.TryDrain(Timeout.InfiniteTimeSpan));
        }

        Assert.True(ReaderRegistry.TryDrain(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void Nested_bracket_keeps_the_outer_one_open()
    {
        using Reader reader = new(depth: 2);
        Assert.False(ReaderRegistry.TryDrain(TimeSpan.Zero));
        reader.LeaveOne();
        Assert.False(ReaderRegistry.TryDrain(TimeSpan.Zero));
        reader.LeaveOne();
        Assert.True(ReaderRegistry.TryDrain(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void Drain_does_not_wait_for_brackets_opened_after_the_barrier()
    {
        // The slot is inside again by the time the drainer looks a second time, but in a later bracket.
        ReaderSlot slot = new(0, Thread.CurrentThread);
        slot.Enter();
        long seen = slot.ReadState();
        Assert.False(slot.HasLeft(seen));
        slot.Exit();
        slot.Enter();
        Assert.True(slot.HasLeft(seen));
        Assert.True(slot.IsInside);
    }

    [Fact]
    public void Closing_too_often_is_refused_and_changes_nothing()
    {
        ReaderSlot slot = new(0, Thread.CurrentThread);
        slot.Enter();
        slot.Exit();
        long before = slot.ReadState();
        Assert.Throws<InvalidOperationException>(slot.Exit);
        Assert.Equal(before, slot.ReadState());
    }

    [Fact]
    public void Negative_timeout_is_refused()
        => Assert.Throws<ArgumentOutOfRangeException>(() => ReaderRegistry.TryDrain(TimeSpan.FromSeconds(-2)));

    [Fact]
    public void Bracket_leaked_by_a_dead_thread_does_not_block_and_its_slot_is_taken_over()
    {
        int leakedIndex = OnNewThread(() => ReaderRegistry.Enter().Slot.Index);
        Assert.True(ReaderRegistry.TryDrain(TimeSpan.FromSeconds(30)));

        // Other tests run threads at the same time, so the slot may go to one of them; a few threads held at once must get one each.
        int most = ReaderRegistry.SlotCount;
        Assert.InRange(leakedIndex, 0, most - 1);
        for (int i = 0; i < 50; i++)
        {
            OnNewThread(() => ReaderRegistry.CurrentSlot.Index);
        }

        Assert.True(ReaderRegistry.SlotCount < most + 50, "Fifty threads, one after another, must not take fifty new slots.");
    }

    [Fact]
    public void Takeover_closes_what_was_left_open()
    {
        Thread dead = new(() => { });
        dead.Start();
        dead.Join();
        ReaderSlot slot = new(3, dead);
        slot.Enter();
        slot.Enter();
        long seen = slot.ReadState();
        slot.TakeOver(Thread.CurrentThread);
        Assert.False(slot.IsInside);
        Assert.True(slot.HasLeft(seen));
        slot.Enter();
        Assert.True(slot.IsInside);
    }

    [Fact]
    public void Brackets_allocate_nothing()
    {
        using (ReaderRegistry.Enter())
        {
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 10_000; i++)
        {
            using ReadBracket bracket = ReaderRegistry.Enter();
            bracket.Slot.Counter++;
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Counters_keep_what_dead_threads_counted()
    {
        const int Threads = 6;
        const int Each = 10_000;
        StripedCounter striped = new();
        long slotsBefore = ReaderRegistry.SumCounter();
        for (int round = 0; round < 2; round++)
        {
            Thread[] threads = new Thread[Threads];
            for (int i = 0; i < Threads; i++)
            {
                threads[i] = new Thread(() =>
                {
                    for (int n = 0; n < Each; n++)
                    {
                        using ReadBracket bracket = ReaderRegistry.Enter();
                        striped.Increment(bracket.Slot);
                        bracket.Slot.Counter++;
                    }
                });
                threads[i].Start();
            }

            foreach (Thread thread in threads)
            {
                thread.Join();
            }
        }

        Assert.Equal(2L * Threads * Each, striped.Sum());

        // Process-wide, so tests that run beside this one may add to it.
        Assert.True(ReaderRegistry.SumCounter() - slotsBefore >= 2L * Threads * Each);
    }

    private static T OnNewThread<T>(Func<T> job)
    {
        T result = default!;
        Thread thread = new(() => result = job());
        thread.Start();
        thread.Join();
        return result;
    }

    /// <summary>A thread that sits in brackets and leaves them one by one on request.</summary>
    private sealed class Reader : IDisposable
    {
        private readonly SemaphoreSlim _leave = new(0);
        private readonly SemaphoreSlim _done = new(0);
        private readonly Thread _thread;
        private readonly int _depth;
        private int _left;

        internal Reader(int depth)
        {
            _depth = depth;
            _thread = new Thread(() => Sit(depth));
            _thread.Start();
            _done.Wait();
        }

        public void Dispose()
        {
            while (_left < _depth)
            {
                LeaveOne();
            }

            _thread.Join();
            _leave.Dispose();
            _done.Dispose();
        }

        internal void LeaveOne()
        {
            _left++;
            _leave.Release();
            _done.Wait();
        }

        private void Sit(int depth)
        {
            if (depth == 0)
            {
                _done.Release();
                return;
            }

            using (ReaderRegistry.Enter())
            {
                Sit(depth - 1);
                _leave.Wait();
            }

            _done.Release();
        }
    }
}
