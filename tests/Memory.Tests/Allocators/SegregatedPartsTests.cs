using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>The parts that the segregated allocator is made of, each against a plain model.</summary>
public sealed class SegregatedPartsTests
{
    [Fact]
    public void Buckets_ascend_and_every_size_lies_in_its_own()
    {
        for (int bucket = 1; bucket < SizeBuckets.Count; bucket++)
        {
            Assert.True(SizeBuckets.Smallest(bucket) > SizeBuckets.Smallest(bucket - 1));
        }

        for (uint granules = 1; granules <= SizeBuckets.LargestGranules; granules++)
        {
            int bucket = SizeBuckets.Of(granules);
            Assert.InRange(bucket, 0, SizeBuckets.Count - 1);
            Assert.True(SizeBuckets.Smallest(bucket) <= granules && granules < SizeBuckets.Smallest(bucket + 1));
        }
    }

    [Fact]
    public void Every_bucket_of_the_specification_is_the_start_of_one()
    {
        foreach (int bytes in SizeBuckets.SpecifiedBytes)
        {
            Assert.Equal((uint)bytes / 16, SizeBuckets.Smallest(SizeBuckets.Of((uint)bytes / 16)));
        }
    }

    [Fact]
    public unsafe void Tree_agrees_with_a_sorted_set()
        => Check.One(Config.QuickThrowOnFailure.WithMaxTest(200), Prop.ForAll(Arb.From(Gen.Choose(0, int.MaxValue)), seed =>
        {
            const uint Units = 300;
            void* nodes = NativeMemory.AllocZeroed((nuint)LargeBlockTree.BytesFor(Units << 12));
            try
            {
                LargeBlockTree tree = new(nodes);
                SortedSet<(uint Length, uint Start)> model = [];
                Random random = new(seed);
                for (int step = 0; step < 400; step++)
                {
                    uint start = ((uint)random.Next((int)Units) << 12) + 5;
                    (uint Length, uint Start) held = model.FirstOrDefault(block => block.Start == start);
                    if (held.Length != 0)
                    {
                        tree.Remove(start);
                        model.Remove(held);
                    }
                    else
                    {
                        uint length = 4097 + (uint)random.Next(50);
                        tree.Add(start, length);
                        model.Add((length, start));
                    }

                    uint wanted = 4090 + (uint)random.Next(70);
                    (uint Length, uint Start) best = model.GetViewBetween((wanted, 0), (uint.MaxValue, uint.MaxValue)).FirstOrDefault();
                    Assert.Equal(best.Length != 0, tree.TryFindBest(wanted, out uint found, out uint foundLength));
                    Assert.True(best.Length == 0 || (foundLength, found) == best);
                }

                Assert.Equal(model.Count, tree.Count(model.Count));
                Assert.All(model, block => Assert.True(tree.Contains(block.Start, block.Length)));
            }
            finally
            {
                NativeMemory.Free(nodes);
            }
        }));

    [Fact]
    public void Biased_lock_excludes_threads_that_take_turns_and_keep_it_for_long()
    {
        Shared shared = new();
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(number => new Thread(() =>
        {
            Random random = new(number);
            for (int round = 0; round < 300; round++)
            {
                // Long streaks, so that the bias is given and taken away over and over.
                for (int i = random.Next(400); i > 0; i--)
                {
                    BiasedLock.Record? entered = shared.Lock.Enter();
                    shared.First++;
                    shared.Second++;
                    shared.Torn |= shared.First != shared.Second;
                    shared.Lock.Exit(entered);
                    Interlocked.Increment(ref shared.Expected);
                }
            }
        }))];
        foreach (Thread thread in threads)
        {
            thread.Start();
        }

        foreach (Thread thread in threads)
        {
            thread.Join();
        }

        Assert.False(shared.Torn);
        Assert.Equal(shared.Expected, shared.First);
        Assert.True(shared.Lock.TryEnterAndClose());
        shared.Lock.Exit(null);
        Assert.False(shared.Lock.TryEnterAndClose());
        Assert.Throws<ObjectDisposedException>(() => shared.Lock.Enter());
    }

    [Fact]
    public void Biased_lock_is_not_left_taken_by_a_thread_that_is_interrupted_while_it_waits()
    {
        Shared shared = new();
        for (int i = 0; i < 100; i++)
        {
            shared.Lock.Exit(shared.Lock.Enter());
        }

        BiasedLock.Record? mine = shared.Lock.Enter();
        Assert.NotNull(mine);
        InterruptedWait.Run(() => shared.Lock.Exit(shared.Lock.Enter()), () => shared.Lock.Exit(mine));
        shared.Lock.Exit(shared.Lock.Enter());
    }

    private sealed class Shared
    {
        internal BiasedLock Lock;
        internal long First;
        internal long Second;
        internal long Expected;
        internal bool Torn;
    }
}
