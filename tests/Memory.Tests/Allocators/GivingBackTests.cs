using System.Runtime.InteropServices;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>What slabs give back to the system: pages without a live block, while memory grows and when it is trimmed.</summary>
public sealed unsafe class GivingBackTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void Blocks_that_are_used_one_at_a_time_touch_one_page_of_their_size()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "asks which pages are resident");
        using SlabAllocator slab = new(64 * MiB);
        ThreadHeap heap = slab.ForThisThread();
        for (int i = 0; i < 10_000; i++)
        {
            nint address = heap.Allocate(1000);
            NativeMemory.Fill((void*)address, 1000, 0xAB);
            heap.Free(address);
        }

        Assert.InRange(Resident(slab), 1, 2 * VirtualMemory.PageSize);
    }

    [Fact]
    public void Growth_takes_the_place_of_pages_that_hold_nothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "asks which pages are resident");
        using GeneralAllocator general = new();
        LeaveSurvivors(general, 16_384, 500, 64);
        long before = Resident(general);
        Assert.True(before >= 8 * MiB, $"{before:N0} bytes are resident: there is nothing to give back.");

        for (int i = 0; i < 128; i++)
        {
            Fill(general.Allocate(100_000), 100_000);
        }

        long grown = 128 * 100_000;
        Assert.InRange(Resident(general), grown, grown + (before / 4));
        Assert.Empty(general.CheckIntegrity().Violations);
    }

    [Fact]
    public void Parts_that_are_used_in_turn_stop_giving_back()
    {
        using GeneralAllocator general = new();
        long given = 0;
        for (int round = 0; round < 200; round++)
        {
            given = general.Engine.DiscardedBytes;
            LeaveSurvivors(general, 8192, 1000, 64);
            nint[] large = new nint[64];
            for (int i = 0; i < large.Length; i++)
            {
                large[i] = general.Allocate(100_000);
                Fill(large[i], 100_000);
            }

            Array.ForEach(large, general.Free);
        }

        Assert.InRange(general.Engine.DiscardedBytes, 1, 3 * 32 * MiB);
        Assert.Equal(given, general.Engine.DiscardedBytes);
    }

    [Fact]
    public void Pages_between_live_ones_go_back_while_others_are_taken()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "asks which pages are resident");
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 256 * MiB });
        nint[] blocks = new nint[128];
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = buddy.Allocate(100_000);
            Fill(blocks[i], 100_000);
        }

        for (int i = 0; i < blocks.Length; i += 2)
        {
            buddy.Free(blocks[i]);
        }

        // No hole is large enough for these.
        for (int i = 0; i < 64; i++)
        {
            Fill(buddy.Allocate(200_000), 200_000);
        }

        long live = buddy.GetStatistics().LiveBytes;
        Assert.InRange(Resident(buddy), live, live + (2 * MiB));
        Assert.Empty(buddy.CheckIntegrity().Violations);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Trim_gives_back_the_pages_between_survivors(bool isGeneral)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "asks which pages are resident");
        using SizeClassAllocator allocator = isGeneral ? new GeneralAllocator() : new SlabAllocator(256 * MiB);
        LeaveSurvivors(allocator, 16_384, 2000, 16);
        long before = Resident(allocator);
        AllocatorStatistics peak = allocator.GetStatistics();
        long returned = allocator.Trim();
        AllocatorStatistics trimmed = allocator.GetStatistics();
        Assert.InRange(before, 32 * MiB, 40 * MiB);
        Assert.InRange(peak.IdleBytes, before / 4 * 3, returned);
        Assert.Equal((0L, Resident(allocator)), (trimmed.IdleBytes, trimmed.CommittedBytes - trimmed.UnbackedBytes));
        Assert.InRange(Resident(allocator), 4 * MiB, before / 7);
        Assert.Empty(allocator.CheckIntegrity().Violations);
    }

    [Fact]
    public void Trim_gives_back_what_a_thread_left_that_has_ended()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "asks which pages are resident");
        using SlabAllocator slab = new(256 * MiB);
        Thread thread = new(() => LeaveSurvivors(slab, 16_384, 500, 64));
        thread.Start();
        thread.Join();
        long before = Resident(slab);
        slab.Trim();
        Assert.True(Resident(slab) < before / 4, $"{Resident(slab):N0} of {before:N0} bytes are resident.");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_others_freed_of_a_thread_that_does_nothing_serves_them_before_new_memory_does(bool hasEnded)
    {
        const int Blocks = 2000;
        using GeneralAllocator general = new();
        using ManualResetEventSlim isAllocated = new();
        using ManualResetEventSlim mayEnd = new(hasEnded);
        nint[] blocks = new nint[Blocks];
        Thread producer = new(() =>
        {
            for (int i = 0; i < Blocks; i++)
            {
                blocks[i] = general.Allocate(2000);
                Fill(blocks[i], 2000);
            }

            isAllocated.Set();
            mayEnd.Wait(TestContext.Current.CancellationToken);

            // The thread's own blocks are still its own, whatever was taken from it meanwhile.
            for (int i = 0; i < Blocks; i++)
            {
                general.Free(general.Allocate(2000));
            }
        });
        producer.Start();
        isAllocated.Wait(TestContext.Current.CancellationToken);
        if (hasEnded)
        {
            producer.Join();
        }

        long peak = general.GetStatistics().CommittedBytes;
        for (int i = 0; i < Blocks; i++)
        {
            general.Free(blocks[i]);
        }

        for (int i = 0; i < Blocks * 6; i++)
        {
            Fill(general.Allocate(300), 300);
        }

        AllocatorStatistics after = general.GetStatistics();
        mayEnd.Set();
        producer.Join();
        Assert.InRange(peak, Blocks * 2000, 2 * Blocks * 2000);
        Assert.InRange(after.CommittedBytes, 0, peak + (peak / 4));
        Assert.Equal(Blocks * 6, after.LiveBlocks);
        Assert.Empty(general.CheckIntegrity().Violations);
    }

    [Fact]
    public void Blocks_whose_pages_were_given_back_are_zeroed_when_asked_for_and_keep_naming_faults()
    {
        using SlabAllocator slab = new(256 * MiB);
        List<nint> freed = LeaveSurvivors(slab, 4096, 1000, 64);
        slab.Trim();
        MemoryFaultException fault = Assert.Throws<MemoryFaultException>(() => slab.Free(freed[10]));
        Assert.Equal(MemoryFault.DoubleFree, fault.Fault);
        for (int i = 0; i < freed.Count; i++)
        {
            nint address = slab.Allocate(1000, options: AllocationOptions.Zeroed);
            Assert.Equal(-1, new ReadOnlySpan<byte>((void*)address, 1000).IndexOfAnyExcept((byte)0));
            Fill(address, 1000);
        }

        Assert.Empty(slab.CheckIntegrity().Violations);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(20261121)]
    public void Live_blocks_keep_what_they_hold_while_pages_around_them_go_back(int seed)
    {
        using GeneralAllocator general = new();
        Random random = new(seed);
        List<(nint Address, int Size)> live = [];
        Thread? other = null;
        for (int round = 0; round < 40; round++)
        {
            for (int i = 0; i < 2000; i++)
            {
                int size = random.Next(200) == 0 ? random.Next(32_769, 200_000) : random.Next(16, 1 << random.Next(5, 15));
                nint address = general.Allocate((nuint)size);
                NativeMemory.Fill((void*)address, (nuint)size, (byte)size);
                live.Add((address, size));
            }

            other?.Join();
            random.Shuffle(CollectionsMarshal.AsSpan(live));
            (nint Address, int Size)[] gone = [.. live[..(live.Count * 4 / 5)]];
            live.RemoveRange(0, gone.Length);

            // Half of them by another thread, while this one allocates those of the next round.
            other = new Thread(() => FreeChecked(general, gone.AsSpan(gone.Length / 2)));
            other.Start();
            FreeChecked(general, gone.AsSpan(0, gone.Length / 2));
            if (round % 10 == 9)
            {
                general.Trim();
            }
        }

        other?.Join();
        FreeChecked(general, CollectionsMarshal.AsSpan(live));
        Assert.True(general.Engine.DiscardedBytes > MiB, $"{general.Engine.DiscardedBytes:N0} bytes went back: too few to show anything.");
        Assert.Equal(0, general.GetStatistics().LiveBlocks);
        Assert.Empty(general.CheckIntegrity().Violations);
    }

    private static void FreeChecked(GeneralAllocator general, ReadOnlySpan<(nint Address, int Size)> blocks)
    {
        foreach ((nint address, int size) in blocks)
        {
            Assert.Equal(-1, new ReadOnlySpan<byte>((void*)address, size).IndexOfAnyExcept((byte)size));
            general.Free(address);
        }
    }

    [Fact]
    public void Nothing_goes_back_after_the_allocator_is_disposed()
    {
        GeneralAllocator general = new(256 * MiB);
        LeaveSurvivors(general, 8000, 1000, 8000);

        // What a thread does that allocates pages while another one disposes.
        general.Engine.Beside!.Allocate((nuint)MiB);
        long before = general.Engine.DiscardedBytes;
        general.Dispose();

        // Likely to get the same addresses.
        using GeneralAllocator other = new(256 * MiB);
        LeaveSurvivors(other, 8000, 1000, 1);
        Assert.Throws<ObjectDisposedException>(general.Engine.AfterGrowthBeside);
        Assert.Equal(before, general.Engine.DiscardedBytes);
    }

    [Fact]
    public void Giving_back_goes_on_after_a_trim()
    {
        using GeneralAllocator general = new(512 * MiB);
        LeaveSurvivors(general, 512, 100_000, 16);
        general.Trim();
        long before = general.Engine.DiscardedBytes;
        LeaveSurvivors(general, 8192, 1000, 64);
        for (int i = 0; i < 4096; i++)
        {
            general.Allocate(2000);
        }

        Assert.True(general.Engine.DiscardedBytes - before > MiB, $"{general.Engine.DiscardedBytes - before:N0} bytes went back while memory grew.");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3000)]
    public void Trim_leaves_nothing_of_large_slab_blocks_whatever_growth_gave_back_before(int grown)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "asks which pages are resident");
        using GeneralAllocator general = new(512 * MiB);
        List<nint> freed = LeaveSurvivors(general, 1024, 32_768, 4);
        for (int i = 0; i < grown; i++)
        {
            general.Allocate(1000);
        }

        // The first slabs have two blocks each; those without a survivor serve other sizes by now.
        general.Trim();
        Assert.Equal(0, freed.Skip(8).Sum(address => VirtualMemory.ResidentBytes(address, 32_768) ?? 0));
    }

    [Fact]
    public void Handler_that_throws_while_pages_go_back_loses_no_block()
    {
        MemoryBudget budget = new("watched", 64 * MiB);
        using BuddyAllocator buddy = new(new BuddyOptions { CapacityBytes = 256 * MiB, Budget = budget });
        List<nint> blocks = [];
        while (buddy.TryAllocate(100_000, out nint address))
        {
            blocks.Add(address);
        }

        for (int i = 1; i < blocks.Count; i += 2)
        {
            buddy.Free(blocks[i]);
        }

        bool isArmed = true;
        budget.PressureChanged += (_, change) =>
        {
            if (isArmed && change.Current < change.Previous)
            {
                throw new InvalidOperationException("handler");
            }
        };
        long live = buddy.GetStatistics().LiveBlocks;
        int given = 0;
        Assert.Throws<InvalidOperationException>(() =>
        {
            for (; given < 200; given++)
            {
                buddy.Allocate(110_000);
            }
        });
        isArmed = false;
        Assert.Equal(given, buddy.GetStatistics().LiveBlocks - live);
        Assert.Empty(buddy.CheckIntegrity().Violations);
    }

    [Fact]
    public void Objects_with_a_constructor_or_poison_keep_their_pages()
    {
        using ObjectCache made = new("made", 1000, new ObjectCacheOptions { Constructor = address => new Span<byte>((void*)address, 1000).Fill(7) });
        using ObjectCache poisoned = new("poisoned", 1000, new ObjectCacheOptions { Flags = ObjectCacheFlags.Poison });
        foreach (ObjectCache cache in new[] { made, poisoned })
        {
            nint[] all = new nint[1024];
            for (int i = 0; i < all.Length; i++)
            {
                all[i] = cache.Allocate();
            }

            for (int i = 0; i < all.Length; i++)
            {
                if (i % 64 != 0)
                {
                    cache.Free(all[i]);
                }
            }

            cache.Trim();
            for (int i = 0; i < all.Length - (all.Length / 64); i++)
            {
                nint address = cache.Allocate();
                Assert.True(cache != made || new Span<byte>((void*)address, 1000).IndexOfAnyExcept((byte)7) < 0);
            }
        }
    }

    // One block in so many stays live; the others are free again, after they were written to.
    private static List<nint> LeaveSurvivors(MemoryAllocator allocator, int blocks, int size, int one)
    {
        List<nint> freed = [];
        nint[] all = new nint[blocks];
        for (int i = 0; i < blocks; i++)
        {
            all[i] = allocator.Allocate((nuint)size);
            Fill(all[i], size);
        }

        for (int i = 0; i < blocks; i++)
        {
            if (i % one != 0)
            {
                allocator.Free(all[i]);
                freed.Add(all[i]);
            }
        }

        return freed;
    }

    private static void Fill(nint address, int size) => NativeMemory.Fill((void*)address, (nuint)size, 0xAB);

    private static long Resident(MemoryAllocator allocator) => allocator.EnumerateExtents().Sum(extent => VirtualMemory.ResidentBytes(extent.Address, (nuint)extent.Bytes) ?? 0);
}
