using System.Runtime.CompilerServices;
using DimensionStore.Memory.Tests.Allocators;

namespace DimensionStore.Memory.Tests.Diagnostics;

public sealed unsafe class DiagnosticLayerTests
{
    private const int Threads = 4;

    [Fact]
    public void One_byte_past_what_was_asked_for_is_a_fault_even_where_the_block_is_larger()
    {
        using DiagnosticLayer layer = new(NewPool());
        nint address = layer.AllocateTracked(13, owner: new OwnerId(5));
        int line = Line() - 1;
        Assert.Equal((nuint)13, layer.UsableSize(address));
        *(byte*)(address + 13) ^= 1;
        MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => layer.Free(address));
        Assert.Equal((MemoryFault.Overrun, address, 13L, new OwnerId(5), line), (fault.Fault, fault.Address, fault.SizeBytes, fault.Owner, fault.Site.Line));
        Assert.Contains(nameof(DiagnosticLayerTests), fault.Message, StringComparison.Ordinal);
        Assert.True(layer.Owns(address));
        Assert.False(layer.CheckIntegrity().IsIntact);
        *(byte*)(address + 13) ^= 1;
        layer.Free(address);
        Assert.Empty(layer.Findings);
    }

    [Fact]
    public void Guards_that_were_copied_along_with_a_block_do_not_pass()
    {
        using DiagnosticLayer layer = new(NewPool(), new DiagnosticOptions { QuarantineBytes = 0 });
        nint from = layer.Allocate(100);
        nint to = layer.Allocate(100);
        Buffer.MemoryCopy((void*)(from - 16), (void*)(to - 16), 132, 132);
        Assert.Equal(to, Assert.Single(layer.Check().Faults).Address);
        Assert.Throws<MemoryFaultException>(() => layer.Free(to));
    }

    [Fact]
    public void A_terminating_zero_behind_the_block_is_found_at_every_address()
    {
        using DiagnosticLayer layer = new(NewPool(), new DiagnosticOptions { QuarantineBytes = 0 });
        for (int i = 0; i < 20_000; i++)
        {
            nint address = layer.Allocate((nuint)(1 + (i % 40)));
            nint end = address + 1 + (i % 40);
            byte before = *(byte*)end;
            *(byte*)end = 0;
            Assert.Equal(MemoryFault.Overrun, Assert.Throws<MemoryFaultException>(() => layer.Free(address)).Fault);
            *(byte*)end = before;
        }
    }

    [Fact]
    public void A_block_that_moves_keeps_the_place_time_and_owner_of_its_allocation()
    {
        using DiagnosticLayer layer = new(NewPool());
        nint address = layer.AllocateTracked(13, owner: new OwnerId(5));
        int line = Line() - 1;
        BlockRecord* record = layer.Records.ShardOf(address).Find(address);
        long allocatedAt = record->Ticks -= 100_000;
        nint moved = layer.Reallocate(address, 700);
        Assert.NotEqual(address, moved);
        record = layer.Records.ShardOf(moved).Find(moved);
        Assert.Equal((allocatedAt, 5, 700L), (record->Ticks, record->Owner, record->Requested));
        *(byte*)(moved + 700) ^= 1;
        MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => layer.Free(moved));
        Assert.Equal((new OwnerId(5), line), (fault.Owner, fault.Site.Line));
        *(byte*)(moved + 700) ^= 1;
        moved = layer.Reallocate(moved, 13, new OwnerId(6));
        Assert.Equal(6, layer.Records.ShardOf(moved).Find(moved)->Owner);
    }

    [Fact]
    public void Dispose_and_reset_wait_for_a_block_that_is_being_poisoned()
    {
        // Without the wait the poison of the 10 MB meets memory that is not there any more, which ends the process.
        for (int round = 0; round < 20; round++)
        {
            DiagnosticLayer layer = new(new LargeObjectAllocator(), new DiagnosticOptions { QuarantineBytes = 32 << 20 });
            nint block = layer.Allocate(10 << 20);
            using ManualResetEventSlim freeing = new();
            ThreadGroup.Run(2, thread =>
            {
                if (thread == 0)
                {
                    freeing.Set();
                    try
                    {
                        layer.Free(block);
                    }
                    catch (Exception e) when (e is ObjectDisposedException or MemoryFaultException)
                    {
                        // The other thread was first.
                    }

                    return;
                }

                freeing.Wait();
                while (layer.GetStatistics().LiveBlocks != 0)
                {
                    Thread.Yield();
                }

                if (round % 2 == 0)
                {
                    layer.Reset();
                }

                layer.Dispose();
            });
            Assert.Equal((1L, 1L, 0L), (layer.GetStatistics().AllocationCount, layer.GetStatistics().FreeCount, layer.GetStatistics().LeakedBlocks));
        }
    }

    [Fact]
    public void A_reset_beside_others_costs_them_their_blocks_and_nothing_else()
    {
        using DiagnosticLayer layer = new(new LargeObjectAllocator(), new DiagnosticOptions { QuarantineBytes = 1 << 20 });
        int working = 2;
        ThreadGroup.Run(3, thread =>
        {
            if (thread == 2)
            {
                while (Volatile.Read(ref working) > 0)
                {
                    layer.Reset();
                }

                return;
            }

            try
            {
                for (int i = 0; i < 10_000; i++)
                {
                    nint address = layer.Allocate(100_000);
                    try
                    {
                        layer.Free(address);
                    }
                    catch (MemoryFaultException)
                    {
                        // The reset was first: the block was free, or is another's by now.
                    }
                }
            }
            finally
            {
                Interlocked.Decrement(ref working);
            }
        });
        layer.Reset();
        Assert.Empty(layer.CheckIntegrity().Violations);
        Assert.Equal((20_000L, 20_000L, 0L), (layer.GetStatistics().AllocationCount, layer.GetStatistics().FreeCount, layer.GetStatistics().LiveBytes));
        Assert.Empty(layer.Findings);
    }

    [Fact]
    public void A_write_after_free_is_told_by_event_when_the_block_leaves_the_quarantine()
    {
        using DiagnosticLayer layer = new(NewPool(), new DiagnosticOptions { QuarantineBytes = 10_000 });
        List<MemoryFaultRecord> told = [];
        layer.FaultFound += (_, e) => told.Add(e.Fault);
        nint address = layer.AllocateTracked(100, owner: new OwnerId(3));
        layer.Free(address);
        *(byte*)(address + 99) = 1;
        for (int i = 0; i < 100; i++)
        {
            nint other = layer.Allocate(500);
            Assert.False(told.Count == 0 && other == address, "The block was handed out again before it was checked.");
            layer.Free(other);
        }

        MemoryFaultRecord fault = Assert.Single(told);
        Assert.Equal((MemoryFault.UseAfterFree, address, 100L, new OwnerId(3)), (fault.Fault, fault.Address, fault.SizeBytes, fault.Owner));
        Assert.Equal(told, layer.Findings);
        Assert.Equal(1, layer.FindingCount);
        Assert.True(layer.QuarantinedBlocks is > 10 and < 25);
    }

    [Fact]
    public void A_full_allocator_takes_from_the_quarantine_before_it_refuses()
    {
        using DiagnosticLayer layer = new(new DualPoolAllocator(new DualPoolPlan(1, 10)), new DiagnosticOptions { QuarantineBytes = 1 << 20 });
        for (int round = 0; round < 5; round++)
        {
            nint[] blocks = [.. Enumerable.Range(0, 10).Select(_ => layer.Allocate(10_000))];
            Assert.Throws<AllocationFailedException>(() => layer.Allocate(10_000));
            Array.ForEach(blocks, layer.Free);
        }
    }

    [Fact]
    public void Leaks_are_reported_with_place_owner_and_on_request_the_stack()
    {
        DiagnosticLayer layer = new(NewPool(), new DiagnosticOptions { StackEvery = 1 });
        nint kept = AllocateHere(layer);
        int line = Line() - 1;
        layer.Free(AllocateHere(layer));
        layer.Dispose();

        MemoryFaultRecord leak = Assert.Single(layer.Leaks);
        Assert.Equal((MemoryFault.Leak, kept, 77L, new OwnerId(8)), (leak.Fault, leak.Address, leak.SizeBytes, leak.Owner));
        Assert.EndsWith("DiagnosticLayerTests.cs", leak.Site.File, StringComparison.Ordinal);
        Assert.NotEqual(line, leak.Site.Line);
        Assert.StartsWith($"   at {typeof(DiagnosticLayerTests).FullName}.{nameof(AllocateHere)}", leak.Stack, StringComparison.Ordinal);
        Assert.Equal(layer.Leaks, layer.Findings);
        Assert.Equal((1L, 77L), (layer.GetStatistics().LeakedBlocks, layer.GetStatistics().LeakedBytes));

        using DiagnosticLayer without = new(NewPool());
        AllocateHere(without);
        without.Dispose();
        Assert.Null(without.Leaks[0].Stack);
    }

    [Fact]
    public void Damage_found_at_reset_and_dispose_is_told_by_event()
    {
        DiagnosticLayer layer = new(NewPool());
        *(byte*)(layer.Allocate(10) - 1) ^= 1;
        layer.Reset();
        Assert.Equal(MemoryFault.Underrun, Assert.Single(layer.Findings).Fault);
        Assert.Equal((0L, 1L), (layer.GetStatistics().LiveBlocks, layer.GetStatistics().FreeCount));
        *(byte*)(layer.Allocate(10) + 10) ^= 1;
        layer.Dispose();
        Assert.Equal([MemoryFault.Underrun, MemoryFault.Overrun, MemoryFault.Leak], layer.Findings.Select(fault => fault.Fault));
    }

    [Fact]
    public void An_allocator_for_one_thread_is_refused_to_a_second()
    {
        using DiagnosticLayer layer = new(new OneThreadLayer(NewPool()));
        nint address = layer.Allocate(10);
        int refused = 0;
        ThreadGroup.Run(1, _ =>
        {
            refused += Assert.Throws<WrongThreadException>(() => layer.Allocate(10)).OwningThread == 0 ? 0 : 1;
            Assert.Throws<WrongThreadException>(() => layer.TryAllocate(10, out nint _));
            Assert.Throws<WrongThreadException>(() => layer.Free(address));
            Assert.Throws<WrongThreadException>(() => layer.FreeSized(address, 10));
            Assert.Throws<WrongThreadException>(() => layer.UsableSize(address));
            Assert.Throws<WrongThreadException>(layer.Reset);
            Assert.Throws<WrongThreadException>(() => layer.Trim());
            Assert.Throws<WrongThreadException>(layer.Check);
            Assert.Throws<WrongThreadException>(layer.GetGroups);
            Assert.Throws<WrongThreadException>(layer.EnumerateExtents);
            Assert.Throws<WrongThreadException>(() => layer.GetStatistics());
            Assert.Throws<WrongThreadException>(layer.Dispose);
            Assert.True(layer.Owns(address));
        });
        Assert.Equal(1, refused);
        layer.Free(address);
        Assert.Equal((1L, 1L), (layer.GetStatistics().AllocationCount, layer.GetStatistics().FreeCount));

        // The control: one that is for all threads is for all.
        using DiagnosticLayer shared = new(NewPool());
        nint block = shared.Allocate(10);
        ThreadGroup.Run(1, _ => shared.Free(block));
    }

    [Fact]
    public void What_the_allocator_beneath_finds_in_a_block_leaves_the_block_live()
    {
        using DiagnosticLayer layer = new(new DualPoolAllocator(DualPoolPlan.Classic), DiagnosticOptions.Tracking);
        nint address = layer.Allocate(100);
        *(byte*)(address + 120) ^= 1;
        Assert.Equal(MemoryFault.Overrun, Assert.Throws<MemoryFaultException>(() => layer.Free(address)).Fault);
        Assert.True(layer.Owns(address));
        *(byte*)(address + 120) ^= 1;
        layer.Free(address);
        Assert.Equal((1L, 0L, 0L), (layer.GetStatistics().FreeCount, layer.GetStatistics().LiveBlocks, layer.GetStatistics().LiveBytes));
    }

    [Fact]
    public void A_damaged_record_is_noticed()
    {
        using DiagnosticLayer layer = new(NewPool());
        nint address = layer.Allocate(10);
        Assert.True(layer.CheckIntegrity().IsIntact);
        BlockRecordTable.Shard shard = layer.Records.ShardOf(address);
        shard.Find(address)->Base += 8;
        Assert.False(layer.CheckIntegrity().IsIntact);
        shard.Find(address)->Base -= 8;
        shard.Frees++;
        Assert.False(layer.CheckIntegrity().IsIntact);
        shard.Frees--;
        Assert.True(layer.CheckIntegrity().IsIntact);
    }

    [Fact]
    public void Threads_that_free_each_others_blocks_lose_and_invent_nothing()
    {
        using DiagnosticLayer layer = new(NewPool(), new DiagnosticOptions { QuarantineBytes = 100_000, GuardPagesEvery = 50, GuardPageBytes = 1 << 20, StackEvery = 1_000 });
        nint[] exchange = new nint[256];
        ThreadGroup.Run(Threads, thread =>
        {
            Random random = new(thread);
            for (int i = 0; i < 15_000; i++)
            {
                nuint size = (nuint)(1 + random.Next(600));
                nint address = layer.Allocate(size, owner: new OwnerId(thread));
                new Span<byte>((void*)address, (int)size).Fill((byte)thread);
                nint other = Interlocked.Exchange(ref exchange[random.Next(exchange.Length)], address);
                if (other != 0)
                {
                    layer.Free(other);
                }

                if (i % 1_500 == 0)
                {
                    Assert.Empty(layer.Check().Faults);
                    layer.Trim();
                    IntegrityReport report = layer.CheckIntegrity();
                    Assert.True(report.IsIntact, string.Join(Environment.NewLine, report.Violations));
                }
            }
        });

        foreach (nint address in exchange)
        {
            if (address != 0)
            {
                layer.Free(address);
            }
        }

        AllocatorStatistics statistics = layer.GetStatistics();
        Assert.Equal((Threads * 15_000L, Threads * 15_000L, 0L, 0L), (statistics.AllocationCount, statistics.FreeCount, statistics.LiveBlocks, statistics.LiveBytes));
        Assert.Empty(layer.Findings);
        layer.Trim();
        Assert.Equal(0, layer.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void The_records_of_the_dead_do_not_make_the_table_grow_for_ever()
    {
        using DiagnosticLayer layer = new(new DualPoolAllocator(new DualPoolPlan(400_000, 10)), DiagnosticOptions.Tracking);
        nint[] blocks = new nint[1_000];
        long most = 0;
        for (int round = 0; round < 400; round++)
        {
            // A block that stays, so that each round meets other addresses.
            for (int i = 0; i < blocks.Length; i++)
            {
                blocks[i] = layer.Allocate(100);
            }

            for (int i = 1; i < blocks.Length; i++)
            {
                layer.Free(blocks[i]);
            }

            most = Math.Max(most, layer.GetStatistics().MetadataBytes - layer.Inner.GetStatistics().MetadataBytes);
        }

        Assert.True(most < 32 << 20, $"{most:N0} bytes of records.");
        Assert.Equal(400, layer.GetStatistics().LiveBlocks);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static nint AllocateHere(DiagnosticLayer layer) => layer.AllocateTracked(77, owner: new OwnerId(8));

    private static int Line([CallerLineNumber] int line = 0) => line;

    private static PoolAllocator NewPool() => new([new PoolConfig(64, 4 << 20), new PoolConfig(1024, 16 << 20)], 20 << 20);

    private sealed class OneThreadLayer(MemoryAllocator inner) : AllocatorLayer(inner)
    {
        public override bool IsThreadSafe => false;
    }
}
