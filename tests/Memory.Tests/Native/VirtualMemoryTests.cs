using System.Globalization;
using DimensionStore.Memory.Native;
using Microsoft.Win32.SafeHandles;

namespace DimensionStore.Memory.Tests.Native;

/// <summary>Resident sizes are the process's, so nothing else may run while they are read.</summary>
[CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
public sealed class AloneInTheProcess;

[Collection(nameof(AloneInTheProcess))]
public sealed unsafe class VirtualMemoryTests
{
    private const nuint MiB = 1 << 20;

    [Fact]
    public void Reservation_costs_no_resident_memory()
    {
        nuint size = 1024 * MiB;
        long before = ResidentBytes();
        nint address = VirtualMemory.Reserve(size);
        VirtualMemory.Commit(address, size);
        Assert.Equal(0, address % VirtualMemory.PageSize);
        Assert.InRange(ResidentBytes() - before, -8L << 20, 8L << 20);
        VirtualMemory.Release(address, size);
    }

    [Fact]
    public void Decommit_gives_resident_memory_back_and_a_later_commit_finds_zeros()
    {
        nuint size = 64 * MiB;
        nint address = VirtualMemory.Reserve(size);
        VirtualMemory.Commit(address, size);
        long before = ResidentBytes();
        new Span<byte>((void*)address, (int)size).Fill(0xA5);
        long touched = ResidentBytes();
        Assert.True(touched - before > 60L << 20, "The control: touching 64 MiB must be seen.");
        VirtualMemory.Decommit(address, size);
        Assert.True(touched - ResidentBytes() > 60L << 20);
        VirtualMemory.Commit(address, size);
        Assert.True(new ReadOnlySpan<byte>((void*)address, (int)size).IndexOfAnyExcept((byte)0) < 0);
        VirtualMemory.Release(address, size);
    }

    [Fact]
    public unsafe void Resident_bytes_are_the_pages_that_were_touched_and_not_given_back()
    {
        const int Pages = 5000;
        nuint page = (nuint)VirtualMemory.PageSize;
        nint address = VirtualMemory.Reserve(Pages * page);
        try
        {
            Assert.Equal(0, VirtualMemory.ResidentBytes(address, Pages * page));
            VirtualMemory.Commit(address, Pages * page);
            Assert.Equal(0, VirtualMemory.ResidentBytes(address, Pages * page));
            *(byte*)address = 1;
            *(byte*)(address + (nint)(4999 * page)) = 1;
            Assert.Equal(2 * (long)page, VirtualMemory.ResidentBytes(address, Pages * page));
            Assert.Equal((long)page, VirtualMemory.ResidentBytes(address + 100, 1));
            Assert.Equal(0, VirtualMemory.ResidentBytes(address, 0));
            VirtualMemory.Decommit(address, page);
            Assert.Equal((long)page, VirtualMemory.ResidentBytes(address, Pages * page));
        }
        finally
        {
            VirtualMemory.Release(address, Pages * page);
        }
    }

    [Fact]
    public void Reservation_of_a_gibibyte_costs_nothing_until_touched_and_then_what_is_touched()
    {
        nuint size = 1024 * MiB;
        long before = ResidentBytes();
        nint address = VirtualMemory.Reserve(size);
        Assert.InRange(ResidentBytes() - before, -4L << 20, 4L << 20);
        VirtualMemory.Commit(address, size);
        new Span<byte>((void*)(address + (512 << 20)), 32 << 20).Fill(1);
        Assert.InRange(ResidentBytes() - before, 28L << 20, 40L << 20);
        VirtualMemory.Release(address, size);
        Assert.InRange(ResidentBytes() - before, -4L << 20, 8L << 20);
    }

    [Fact]
    public void Discard_gives_resident_memory_back_and_keeps_the_pages_usable()
    {
        nuint size = 32 * MiB;
        nint address = VirtualMemory.Reserve(size);
        VirtualMemory.Commit(address, size);
        new Span<byte>((void*)address, (int)size).Fill(0xA5);
        long touched = ResidentBytes();
        VirtualMemory.Discard(address, size / 2);
        Assert.True(touched - ResidentBytes() > 14L << 20);
        Assert.Equal((0, 0xA5), (*(byte*)address, ((byte*)address)[(int)size - 1]));
        *(byte*)address = 7;
        Assert.Equal(7, *(byte*)address);
        Assert.Throws<ArgumentException>(() => VirtualMemory.Discard(address + 1, 1));
        VirtualMemory.Release(address, size);
        Assert.Throws<VirtualMemoryException>(() => VirtualMemory.Discard(0, 1));
    }

    [Fact]
    public void Locked_pages_are_resident_without_being_touched()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the lock is seen in /proc");
        nuint size = 16 * (nuint)VirtualMemory.PageSize;
        nint address = VirtualMemory.Reserve(size);
        VirtualMemory.Commit(address, size);
        try
        {
            VirtualMemory.Lock(address, size);
        }
        catch (VirtualMemoryException refused)
        {
            Assert.Equal(("Lock", address), (refused.Operation, refused.Address));
            Assert.Skip("this process may not lock memory");
        }

        long locked = LockedBytes();
        Assert.True(locked >= (long)size);
        *(byte*)address = 1;
        VirtualMemory.Unlock(address, size);
        Assert.Equal(locked - (long)size, LockedBytes());
        Assert.Equal(1, *(byte*)address);
        Assert.Throws<ArgumentException>(() => VirtualMemory.Lock(address + 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => VirtualMemory.Unlock(address, 0));
        VirtualMemory.Release(address, size);
        Assert.Throws<VirtualMemoryException>(() => VirtualMemory.Lock(0, 1));

        static long LockedBytes() => long.Parse(File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmLck", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) << 10;
    }

    [Fact]
    public void Huge_pages_have_a_size_or_there_are_none()
    {
        Assert.True(VirtualMemory.HugePageSize == 0 || VirtualMemory.HugePageSize % VirtualMemory.PageSize == 0);
        nint address = VirtualMemory.Reserve(8 * MiB);
        HugePageResult result = VirtualMemory.AdviseHugePages(address, 8 * MiB);
        Assert.True(VirtualMemory.HugePageSize == 0 || !OperatingSystem.IsLinux() || result == HugePageResult.Advised);
        Assert.Throws<ArgumentOutOfRangeException>(() => VirtualMemory.AdviseHugePages(address, 0));
        VirtualMemory.Commit(address, 8 * MiB);
        *(byte*)(address + 5000) = 1;
        VirtualMemory.Release(address, 8 * MiB);
    }

    [Fact]
    public void Commit_keeps_what_was_committed_before()
    {
        nuint page = (nuint)VirtualMemory.PageSize;
        nint address = VirtualMemory.Reserve(4 * page);
        VirtualMemory.Commit(address, page);
        *(long*)address = 42;
        VirtualMemory.Commit(address, 4 * page);
        Assert.Equal(42, *(long*)address);
        VirtualMemory.Protect(address, page, PageAccess.Read);
        Assert.Equal(42, *(long*)address);
        VirtualMemory.Protect(address, page, PageAccess.ReadWrite);
        *(long*)address = 43;
        Assert.Equal(43, *(long*)address);
        VirtualMemory.Release(address, 4 * page);
    }

    [Fact]
    public void Arguments_are_checked_before_anything_is_done()
    {
        nint address = VirtualMemory.Reserve(1);
        Assert.Throws<ArgumentOutOfRangeException>(() => VirtualMemory.Reserve(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => VirtualMemory.Reserve(nuint.MaxValue));
        Assert.Throws<ArgumentException>(() => VirtualMemory.Commit(address + 1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => VirtualMemory.Commit(address, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => VirtualMemory.Decommit(address, nuint.MaxValue / 2 * 2 - (nuint)VirtualMemory.PageSize));
        Assert.Throws<ArgumentOutOfRangeException>(() => VirtualMemory.Protect(address, 1, (PageAccess)7));
        Assert.Throws<ArgumentOutOfRangeException>(() => VirtualMemory.Advise(address, 1, (AccessAdvice)7));
        VirtualMemory.Release(address, 1);
    }

    [Fact]
    public void Refusal_names_the_operation_the_range_and_the_system_error()
    {
        VirtualMemoryException refused = Assert.Throws<VirtualMemoryException>(() => VirtualMemory.Reserve(nuint.MaxValue / 4));
        Assert.Equal("Reserve", refused.Operation);
        Assert.Equal(0, refused.Address);
        Assert.NotEqual(0, refused.ErrorCode);
        Assert.DoesNotContain("0x0", refused.Message, StringComparison.Ordinal);
        Assert.EndsWith("Ask for less capacity, or let the process have more address space.", refused.Message, StringComparison.Ordinal);
        Assert.IsType<MemoryToolkitException>(refused, exactMatch: false);
    }

    [Fact]
    public void Advice_of_every_kind_is_taken_for_unaligned_ranges()
    {
        nuint size = 4 * (nuint)VirtualMemory.PageSize;
        nint address = VirtualMemory.Reserve(size);
        VirtualMemory.Commit(address, size);
        *(long*)address = 42;
        foreach (AccessAdvice advice in Enum.GetValues<AccessAdvice>())
        {
            bool taken = VirtualMemory.Advise(address + 3, size - 3, advice);
            Assert.True(taken || OperatingSystem.IsWindows());
        }

        Assert.Equal(42, *(long*)address);
        VirtualMemory.Release(address, size);
    }

    [Fact]
    public void Populate_sees_a_file_that_shrank_under_its_mapping()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.OSVersion.Version >= new Version(5, 14), "needs Linux 5.14, whose madvise can populate");
        string path = Path.GetTempFileName();
        try
        {
            int page = VirtualMemory.PageSize;
            File.WriteAllBytes(path, new byte[4 * page]);
            using (SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            using (var map = System.IO.MemoryMappedFiles.MemoryMappedFile.CreateFromFile(file, null, 0, System.IO.MemoryMappedFiles.MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true))
            using (var view = map.CreateViewAccessor(0, 0, System.IO.MemoryMappedFiles.MemoryMappedFileAccess.Read))
            {
                byte* start = null;
                view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
                Assert.True(VirtualMemory.TryPopulateRead((nint)start, (nuint)(4 * page)));
                RandomAccess.SetLength(file, page);
                Assert.False(VirtualMemory.TryPopulateRead((nint)start, (nuint)(4 * page)));
                Assert.True(VirtualMemory.TryPopulateRead((nint)start + 5, 100));
                view.SafeMemoryMappedViewHandle.ReleasePointer();
            }
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Directory_is_flushed_and_a_missing_one_is_named()
    {
        string path = Directory.CreateTempSubdirectory().FullName;
        try
        {
            Assert.Equal(!OperatingSystem.IsWindows(), VirtualMemory.FlushDirectory(path));
        }
        finally
        {
            Directory.Delete(path);
        }

        if (!OperatingSystem.IsWindows())
        {
            IOException missing = Assert.Throws<IOException>(() => VirtualMemory.FlushDirectory(path));
            Assert.Contains(path, missing.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Injected_failure_hits_the_commit_it_was_set_for()
    {
        nint address = VirtualMemory.Reserve(1);
        NativeFaults.FailNthCommit = 2;
        VirtualMemory.Commit(address, 1);
        Assert.Throws<VirtualMemoryException>(() => VirtualMemory.Commit(address, 1));
        VirtualMemory.Commit(address, 1);
        VirtualMemory.Release(address, 1);
    }

    [Fact]
    public void Pools_give_their_memory_back_after_a_peak()
    {
        using PoolAllocator pool = new(PoolConfig.Default, 280L << 20);
        long before = ResidentBytes();
        nint[] blocks = new nint[4_000];
        for (int i = 0; i < blocks.Length; i++)
        {
            blocks[i] = pool.Allocate(16_000);
            new Span<byte>((void*)blocks[i], 16_000).Fill(1);
        }

        long peak = ResidentBytes();
        Assert.True(peak - before > 55L << 20, "The control: 64 MB in use must be seen.");
        foreach (nint block in blocks)
        {
            pool.Free(block);
        }

        pool.Trim();
        Assert.True(peak - ResidentBytes() > 55L << 20);
    }

    internal static long ResidentBytes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "resident size is read from /proc");
        string resident = File.ReadAllText("/proc/self/statm").Split(' ')[1];
        return long.Parse(resident, CultureInfo.InvariantCulture) * VirtualMemory.PageSize;
    }
}
