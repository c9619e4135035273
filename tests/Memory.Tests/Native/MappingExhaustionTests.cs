using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Native;

/// <summary>
/// Heaps with more holes than the process may have mappings. The runtime ends a process that has none left, so another process tries: this test assembly again, asked for its explicit test only.
/// </summary>
public sealed unsafe class MappingExhaustionTests
{
    private const string Unguarded = " unguarded";

    [Theory]
    [InlineData("segregated")]
    [InlineData("buddy")]
    [InlineData("zone")]
    [InlineData("large")]
    [InlineData("tree")]
    [InlineData("dual")]
    [InlineData("slab")]
    [InlineData("general")]
    [InlineData("guard pages")]
    public void Process_survives_a_heap_of_more_holes_than_mappings_and_gives_memory_back(string allocator)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "other systems have no such limit");
        (int exitCode, string output, string errors) = ChildTest.Run(typeof(MappingExhaustionTests), nameof(Child_makes_holes), allocator);
        Assert.True(exitCode == 0 && output.Contains(ChildTest.Survived, StringComparison.Ordinal), output + errors);
    }

    [Fact]
    public void Process_does_not_survive_it_when_nobody_counts()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && LinuxMappings.Most <= 70_000, "here a process may have more mappings than the control makes");
        (int exitCode, string output, _) = ChildTest.Run(typeof(MappingExhaustionTests), nameof(Child_makes_holes), "segregated" + Unguarded);
        Assert.NotEqual(0, exitCode);
        Assert.DoesNotContain(ChildTest.Survived, output, StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public void Child_makes_holes()
    {
        string task = ChildTest.Task;
        if (task.EndsWith(Unguarded, StringComparison.Ordinal) && OperatingSystem.IsLinux())
        {
            LinuxMappings.Most = long.MaxValue / 16;
            task = task[..^Unguarded.Length];
        }

        switch (task)
        {
            case "segregated":
                MakeHoles(new SegregatedAllocator(), 70_000, 8_192, 5_000, 20_000);
                break;
            case "buddy":
                MakeHoles(new BuddyAllocator(), 150_000, 4_096, 9_375, 20_000);
                break;
            case "zone":
                MakeHoles(new ZoneAllocator(), 150_000, 4_096, 9_375, 20_000);
                break;
            case "large":
                MakeHoles(AllocatorCatalog.Create(task, new AllocatorSettings { CapacityBytes = 8L << 30 }), 70_000, 80_000, 9_000, 200_000);
                break;
            case "tree":
                MakeHoles(new TreeZoneAllocator(), 100_000, 8_192, 5_000, 20_000);
                break;
            case "dual":
                MakeHoles(AllocatorCatalog.Create(task, new AllocatorSettings { CapacityBytes = 3L << 30 }), 100_000, 16_000, 9_000, 40_000);
                break;
            case "guard pages":
                MakeHoles(new DiagnosticLayer(new SlabAllocator(1L << 30), DiagnosticOptions.Pages with { GuardPageBytes = 4L << 30 }), 50_000, 4_000, 9_000, 20_000, holesGoBack: false);
                break;
            default:
                MakeHoles(AllocatorCatalog.Create(task, new AllocatorSettings { CapacityBytes = 8L << 30 }), 104_857, 40_000, 9_000, 80_000);
                break;
        }

        Console.WriteLine(ChildTest.Survived);
    }

    private static void MakeHoles(MemoryAllocator allocator, int count, int size, int more, int moreSize, bool holesGoBack = true)
    {
        using (allocator)
        {
            nint[] blocks = new nint[count];
            for (int i = 0; i < count; i++)
            {
                blocks[i] = allocator.Allocate((nuint)size);
                *(byte*)blocks[i] = 0x5A;
            }

            long full = VirtualMemoryTests.ResidentBytes();
            for (int i = 0; i < count; i += 2)
            {
                allocator.Free(blocks[i]);
            }

            allocator.Trim();
            if (holesGoBack)
            {
                Assert.InRange(full - VirtualMemoryTests.ResidentBytes(), (long)count / 2 * VirtualMemory.PageSize * 9 / 10, long.MaxValue);
                AllocatorStatistics statistics = allocator.GetStatistics();
                Assert.InRange(statistics.BackedBytes, statistics.LiveBytes, statistics.LiveBytes * 11 / 10);
            }

            AssertFewMappings();
            for (int i = 0; i < more; i++)
            {
                nint block = allocator.Allocate((nuint)moreSize, options: AllocationOptions.Zeroed);
                Assert.True(new ReadOnlySpan<byte>((void*)block, moreSize).IndexOfAnyExcept((byte)0) < 0);
                blocks[2 * i] = block;
            }

            for (int i = 1; i < count; i += 2)
            {
                Assert.Equal(0x5A, *(byte*)blocks[i]);
            }

            AssertFewMappings();
            Assert.True(allocator.CheckIntegrity().IsIntact);
            for (int i = 0; i < count; i++)
            {
                if (i % 2 == 1 || i < 2 * more)
                {
                    allocator.Free(blocks[i]);
                }
            }

            allocator.Trim();
            AssertFewMappings();
            Assert.True(allocator.CheckIntegrity().IsIntact);
            AllocatorStatistics last = allocator.GetStatistics();
            Assert.Equal((0, 0), (last.LiveBlocks, last.LiveBytes));
            Assert.InRange(last.BackedBytes, 0, full / 10);
            Assert.InRange(VirtualMemoryTests.ResidentBytes(), 0, full / 2);
        }
    }

    private static void AssertFewMappings()
    {
        if (OperatingSystem.IsLinux())
        {
            // A control that lets everything through has no ceiling to be below.
            Assert.InRange(LinuxMappings.Count(), 1, LinuxMappings.Ceiling + 1_000);
        }
    }
}
