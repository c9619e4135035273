using System.Runtime.Versioning;
using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Native;

/// <summary>A process that runs out of mappings is ended by the runtime: with a small number of them set as the most here, and with the system's own most in other processes.</summary>
[Collection(nameof(AloneInTheProcess))]
[SupportedOSPlatform("linux")]
public sealed unsafe class LinuxMappingsTests : IDisposable
{
    private const int Pages = 20_000;

    private readonly long _most;
    private readonly nuint _page = (nuint)VirtualMemory.PageSize;
    private readonly nint _memory;

    public LinuxMappingsTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have no such limit");
        _most = LinuxMappings.Most;
        _memory = VirtualMemory.Reserve(Pages * _page);
        VirtualMemory.Commit(_memory, Pages * _page);
    }

    public void Dispose()
    {
        if (_memory != 0)
        {
            VirtualMemory.Release(_memory, Pages * _page);
            LinuxMappings.Most = _most;
        }
    }

    [Fact]
    public void Mappings_are_counted_as_the_system_lists_them()
    {
        long listed = File.ReadLines("/proc/self/maps").LongCount();
        Assert.InRange(LinuxMappings.Count(), listed - 50, listed + 50);
        long before = LinuxMappings.Count();
        Punch(1_000);
        Assert.InRange(LinuxMappings.Count() - before, 1_950, 2_050);
        Assert.Equal(long.Parse(File.ReadAllText("/proc/sys/vm/max_map_count"), System.Globalization.CultureInfo.InvariantCulture), _most);
        Assert.Equal(_most / 2, LinuxMappings.Ceiling);
    }

    [Fact]
    public void Counting_takes_no_managed_memory()
    {
        LinuxMappings.Count();
        long before = GC.GetAllocatedBytesForCurrentThread();
        LinuxMappings.Count();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Holes_go_back_without_mappings_when_the_process_has_many()
    {
        Touch();
        LinuxMappings.Most = 2 * (LinuxMappings.Count() + 2_000);
        long before = VirtualMemoryTests.ResidentBytes();
        Punch(Pages / 2);
        Assert.InRange(LinuxMappings.Count(), LinuxMappings.Ceiling - 1_000, LinuxMappings.Ceiling + 50);
        Assert.InRange(before - VirtualMemoryTests.ResidentBytes(), (long)(Pages / 2 * _page * 95 / 100), long.MaxValue);
        Assert.Equal((long)(Pages / 2 * _page), VirtualMemory.ResidentBytes(_memory, Pages * _page));
        Assert.True(VirtualMemory.IsShortOfMappings);

        // What became a hole and what was emptied are committed alike, and both read as zero; between them nothing was lost.
        VirtualMemory.Commit(_memory, Pages * _page);
        for (int page = 0; page < Pages; page++)
        {
            Assert.Equal(page % 2 == 0 ? 0 : 0x5A, *(byte*)(_memory + (page * (nint)_page)));
        }

        Touch();
        Assert.Equal((long)(Pages * _page), VirtualMemory.ResidentBytes(_memory, Pages * _page));
    }

    [Fact]
    public void Holes_are_made_again_when_the_process_has_few()
    {
        long few = LinuxMappings.Count();
        LinuxMappings.Most = 2 * (few + 2_000);
        Punch(Pages / 2);
        Assert.True(VirtualMemory.IsShortOfMappings);
        VirtualMemory.Commit(_memory, Pages * _page);
        LinuxMappings.Most = LinuxMappings.Most;
        Punch(500);
        Assert.InRange(LinuxMappings.Count() - few, 950, 1_050);
        Assert.False(VirtualMemory.IsShortOfMappings);
    }

    [Fact]
    public void Locked_pages_go_back_however_many_mappings_there_are()
    {
        try
        {
            VirtualMemory.Lock(_memory, 4 * _page);
        }
        catch (VirtualMemoryException)
        {
            Assert.Skip("this process may not lock memory");
        }

        LinuxMappings.Most = 2 * LinuxMappings.Count();
        Punch(1_000);
        Assert.True(VirtualMemory.IsShortOfMappings);
        VirtualMemory.Decommit(_memory, 4 * _page);
        Assert.Equal(0, VirtualMemory.ResidentBytes(_memory, 4 * _page));
    }

    [Fact]
    public void Threads_that_make_holes_together_stay_below_the_ceiling()
    {
        const int Threads = 4;
        Touch();
        LinuxMappings.Most = 2 * (LinuxMappings.Count() + 2_000);
        Thread[] threads = [.. Enumerable.Range(0, Threads).Select(part => new Thread(() => Punch(Pages / 2 / Threads, part * Pages / Threads)))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.InRange(LinuxMappings.Count(), 0, LinuxMappings.Ceiling + 100);
        Assert.Equal((long)(Pages / 2 * _page), VirtualMemory.ResidentBytes(_memory, Pages * _page));
    }

    [Fact]
    public void Commit_is_refused_by_name_before_the_last_mappings_are_gone()
    {
        VirtualMemory.Decommit(_memory, Pages * _page);
        LinuxMappings.Most = LinuxMappings.Count() + 2_000;
        int committed = 0;
        VirtualMemoryException refused = Assert.Throws<VirtualMemoryException>(() =>
        {
            for (; committed < Pages; committed += 2)
            {
                VirtualMemory.Commit(_memory + (committed * (nint)_page), _page);
            }
        });
        Assert.Equal(("Commit", _memory + (committed * (nint)_page), 12), (refused.Operation, refused.Address, refused.ErrorCode));
        Assert.Contains("vm.max_map_count", refused.Message, StringComparison.Ordinal);
        Assert.InRange(LinuxMappings.Count(), LinuxMappings.Most * 3 / 4, LinuxMappings.Most * 7 / 8 + 50);
        Assert.InRange(committed, 100, Pages - 1);
    }

    [Fact]
    public void Commit_is_served_again_as_soon_as_reservations_are_released()
    {
        nint other = VirtualMemory.Reserve(Pages * _page);
        LinuxMappings.Most = LinuxMappings.Count() + 2_000;
        int committed = 0;
        Assert.Throws<VirtualMemoryException>(() =>
        {
            for (; committed < Pages; committed += 2)
            {
                VirtualMemory.Commit(other + (committed * (nint)_page), _page);
            }
        });
        Assert.Throws<VirtualMemoryException>(() => VirtualMemory.Commit(other + (committed * (nint)_page), _page));
        VirtualMemory.Release(other, Pages * _page);
        VirtualMemory.Decommit(_memory, _page);
        VirtualMemory.Commit(_memory, _page);
    }

    [Fact]
    public void Scattered_commits_of_one_range_make_one_mapping_of_it_instead_of_being_refused()
    {
        VirtualMemory.Decommit(_memory, Pages * _page);
        long few = LinuxMappings.Count();
        LinuxMappings.Most = 2 * (few + 2_000);
        for (int i = 0; i < Pages; i += 2)
        {
            nint address = _memory + (i * (nint)_page);
            VirtualMemory.CommitWithin(address, _page, _memory, Pages * _page);
            *(byte*)address = 0x5A;
            Assert.True(i % 100 != 0 || LinuxMappings.Count() <= LinuxMappings.Ceiling + 50);
        }

        Assert.True(VirtualMemory.IsShortOfMappings);
        Assert.Equal((long)(Pages / 2 * _page), VirtualMemory.ResidentBytes(_memory, Pages * _page));
        VirtualMemory.Decommit(_memory, Pages * _page);
        VirtualMemory.CommitWithin(_memory, Pages * _page, _memory, Pages * _page);
        Assert.Equal(0, *(byte*)_memory);
    }

    [Fact]
    public void Guard_pages_are_not_laid_where_mappings_are_few_and_lie_inaccessible_where_they_are()
    {
        using DiagnosticLayer layer = new(new SlabAllocator(1 << 26), DiagnosticOptions.Pages with { GuardPageBytes = 1L << 28 });
        LinuxMappings.Most = 2 * (LinuxMappings.Count() + 2_000);
        nint[] blocks = [.. Enumerable.Range(0, 5_000).Select(_ => layer.Allocate(100))];
        Assert.InRange(5_000 - layer.Inner.GetStatistics().LiveBlocks, 500, 1_100);
        Assert.InRange(LinuxMappings.Count(), 0, LinuxMappings.Ceiling + 50);

        // Freed guarded blocks become one mapping with what is around them, also at the ceiling.
        foreach (nint block in blocks)
        {
            layer.Free(block);
        }

        Assert.InRange(LinuxMappings.Count(), 0, LinuxMappings.Ceiling - 1_000);
    }

    /// <summary>Decommits every other page.</summary>
    private void Punch(int holes, int from = 0)
    {
        for (int i = 0; i < holes; i++)
        {
            VirtualMemory.Decommit(_memory + ((from + (2 * i)) * (nint)_page), _page);
        }
    }

    private void Touch()
    {
        for (int i = 0; i < Pages; i++)
        {
            *(byte*)(_memory + (i * (nint)_page)) = 0x5A;
        }
    }
}
