using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>What touches a guard page ends its process, so another process does: this test assembly again, asked for its explicit test only.</summary>
public sealed unsafe class GuardPageTests
{
    [Theory]
    [InlineData("none", true)]
    [InlineData("overrun", false)]
    [InlineData("read behind", false)]
    [InlineData("write after free", false)]
    [InlineData("read after free", false)]
    public void Access_to_a_page_that_is_not_the_callers_ends_the_process(string misuse, bool survives)
    {
        (int exitCode, string output, string errors) = ChildTest.Run(typeof(GuardPageTests), nameof(Child_misuses_a_block), misuse);
        Assert.Equal(survives, exitCode == 0);
        Assert.Equal(survives, output.Contains(ChildTest.Survived, StringComparison.Ordinal));
        Assert.Equal(survives, !errors.Contains(nameof(AccessViolationException), StringComparison.Ordinal));
    }

    [Fact(Explicit = true)]
    public void Child_misuses_a_block()
    {
        string misuse = ChildTest.Task;
        using DiagnosticLayer layer = NewLayer();
        nint address = layer.Allocate(100 * 16);
        byte* end = (byte*)address + 1_600;
        switch (misuse)
        {
            case "overrun":
                *end = 1;
                break;
            case "read behind":
                Assert.Equal(0, Volatile.Read(ref *end));
                break;
            case "write after free":
                layer.Free(address);
                *(byte*)address = 1;
                break;
            case "read after free":
                layer.Free(address);
                Assert.Equal(0, Volatile.Read(ref *(byte*)address));
                break;
            default:
                *(end - 1) = 1;
                layer.Free(address);
                break;
        }

        Console.WriteLine(ChildTest.Survived);
    }

    [Fact]
    public void Blocks_end_at_the_guard_and_the_slack_of_alignment_is_checked()
    {
        using DiagnosticLayer layer = NewLayer();
        long page = VirtualMemory.PageSize;
        for (int size = 1; size < 9_000; size = (size * 3 / 2) + 1)
        {
            nint address = layer.Allocate((nuint)size);
            Assert.False(layer.Inner.Owns(address));
            Assert.Equal(0, address % 16);
            Assert.InRange((address + size + page - 1) / page * page - (address + size), 0, 15);
            if (size % 16 != 0)
            {
                *(byte*)(address + size) ^= 1;
                Assert.Equal(MemoryFault.Overrun, Assert.Throws<MemoryFaultException>(() => layer.Free(address)).Fault);
                *(byte*)(address + size) ^= 1;
            }

            if (address % page != 0)
            {
                *(byte*)(address - 1) ^= 1;
                Assert.Equal(MemoryFault.Underrun, Assert.Throws<MemoryFaultException>(() => layer.Free(address)).Fault);
                *(byte*)(address - 1) ^= 1;
            }

            layer.Free(address);
            Assert.Equal(MemoryFault.DoubleFree, Assert.Throws<MemoryFaultException>(() => layer.Free(address)).Fault);
        }

        Assert.Equal(0, layer.GetStatistics().CommittedBytes);
    }

    [Fact]
    public void Addresses_come_again_only_when_no_others_are_left()
    {
        using DiagnosticLayer layer = new(NewPool(), DiagnosticOptions.Pages with { GuardPageBytes = 20L * VirtualMemory.PageSize });
        List<nint> first = [];
        for (int i = 0; i < 10; i++)
        {
            nint address = layer.Allocate(16);
            first.Add(address);
            layer.Free(address);
        }

        Assert.Equal(10, first.Distinct().Count());
        for (int round = 0; round < 30; round++)
        {
            nint address = layer.Allocate(16);
            Assert.Equal(first[round % 10], address);
            layer.Free(address);
        }
    }

    [Fact]
    public void Where_pages_run_out_blocks_are_guarded_by_canary()
    {
        using DiagnosticLayer layer = new(NewPool(), DiagnosticOptions.Pages with { GuardPageBytes = 20L * VirtualMemory.PageSize });
        nint[] blocks = [.. Enumerable.Range(0, 50).Select(_ => layer.Allocate(10))];
        Assert.Equal(40, layer.Inner.GetStatistics().LiveBlocks);
        Assert.Equal(50, layer.EnumerateBlocks().Count());
        foreach (nint block in blocks)
        {
            *(byte*)(block + 10) ^= 1;
            Assert.Equal(MemoryFault.Overrun, Assert.Throws<MemoryFaultException>(() => layer.Free(block)).Fault);
        }

        Assert.Equal(50, layer.Check().Faults.Count);
    }

    private static DiagnosticLayer NewLayer() => new(NewPool(), DiagnosticOptions.Pages with { GuardPageBytes = 1 << 24 });

    private static PoolAllocator NewPool() => new([new PoolConfig(64, 1 << 20), new PoolConfig(16 << 10, 1 << 20)], 2 << 20);
}
