using DimensionStore.Memory.Native;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>The specification's six errors, a test for each row of the table in the allocator's README; and access by address, which most of them are about.</summary>
public sealed class SegregatedErrorTests
{
    [Fact]
    public void OutOfMemory_says_what_was_requested_available_used_and_total()
    {
        using SegregatedAllocator allocator = SegregatedAllocator.WithCapacity(1 << 20);
        allocator.Allocate(1 << 19);
        AllocationFailedException error = Assert.Throws<AllocationFailedException>(() => allocator.Allocate(600_000, owner: new OwnerId(3)));
        Assert.Equal((600_000L, 1L << 19, 1L << 19, 1L << 20), (error.RequestedBytes, error.AvailableBytes, error.UsedBytes, error.TotalBytes));
        Assert.Equal(new OwnerId(3), error.Owner);
        Assert.Equal(1 << 20, Assert.Throws<AllocationFailedException>(() => allocator.Allocate(nuint.MaxValue)).TotalBytes);
    }

    [Fact]
    public void ProcessLimitExceeded_names_the_owner()
    {
        using SegregatedAllocator allocator = new();
        allocator.RegisterOwner(new OwnerId(5), limitBytes: 100);
        LimitExceededException error = Assert.Throws<LimitExceededException>(() => allocator.Allocate(101, owner: new OwnerId(5)));
        Assert.Equal((new OwnerId(5), 101L, 0L, 100L), (error.Owner, error.RequestedBytes, error.UsedBytes, error.LimitBytes));
        Assert.Contains("owner #5", error.Message, StringComparison.Ordinal);
        Assert.Contains("takes 112 bytes", Assert.Throws<LimitExceededException>(() => allocator.Allocate(100, owner: new OwnerId(5))).Message, StringComparison.Ordinal);
        Assert.NotEqual(0, allocator.Allocate(96, owner: new OwnerId(5)));
    }

    [Fact]
    public unsafe void InvalidAddress_is_named_by_what_is_wrong_with_it()
    {
        using SegregatedAllocator allocator = new();
        nint block = allocator.Allocate(100);
        long local = 0;
        nint foreign = (nint)(&local);
        AssertFault(MemoryFault.ForeignFree, () => allocator.Free(foreign));
        AssertFault(MemoryFault.NotABlockStart, () => allocator.Free(block + 16));
        AssertFault(MemoryFault.NotABlockStart, () => allocator.Free(block + (nint)(512 << 20)));
        AssertFault(MemoryFault.OutOfBounds, () => allocator.Read(foreign, new byte[1]));
        allocator.Free(block);
        AssertFault(MemoryFault.DoubleFree, () => allocator.Free(block));
        AssertFault(MemoryFault.OutOfBounds, () => allocator.Read(block, new byte[1]));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(5_000)]
    [InlineData(100_000)]
    public void A_double_free_names_the_size_of_the_last_life_before_and_after_merging(int size)
    {
        using SegregatedAllocator allocator = new();
        nint block = allocator.Allocate((nuint)size);
        long bytes = (long)allocator.UsableSize(block);
        allocator.Free(block);
        Assert.Equal(bytes, Assert.Throws<MemoryFaultException>(() => allocator.Free(block)).SizeBytes);
        allocator.CheckIntegrity();
        Assert.Equal(bytes, Assert.Throws<MemoryFaultException>(() => allocator.Free(block)).SizeBytes);

        // An address in what it was merged to never was a block's start.
        Assert.Equal(0, Assert.Throws<MemoryFaultException>(() => allocator.Free(block + 4096 + size)).SizeBytes);
        allocator.Reset();
        Assert.Equal(0, Assert.Throws<MemoryFaultException>(() => allocator.Free(block)).SizeBytes);
    }

    [Fact]
    public unsafe void CorruptionDetected_comes_from_the_check()
    {
        SegregatedAllocator allocator = new();
        allocator.Allocate(100);
        allocator.ThrowIfCorrupt();
        allocator.Heap.Tables.Lines[0] = 0;
        MemoryFaultException error = Assert.Throws<MemoryFaultException>(allocator.ThrowIfCorrupt);
        Assert.Equal(MemoryFault.Corruption, error.Fault);
    }

    [Fact]
    public void AlignmentError_is_a_wrong_argument_or_a_misaligned_access()
    {
        using SegregatedAllocator allocator = new();
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.Allocate(100, alignment: 48));
        nint block = allocator.Allocate(100);
        AssertFault(MemoryFault.Misaligned, () => allocator.Read<long>(block + 4));
        AssertFault(MemoryFault.Misaligned, () => allocator.Write<short>(block + 1, 1));
        allocator.Write(block + 4, 0x01020304);
        Assert.Equal(4, allocator.Read<byte>(block + 4));
        Assert.Equal(0x0102, allocator.Read<short>(block + 6));
    }

    [Fact]
    public void ProtectionViolation_holds_until_the_block_is_freed_or_unprotected()
    {
        using SegregatedAllocator allocator = new();
        nint block = allocator.Allocate(100);
        allocator.Write(block, new byte[] { 1, 2, 3 });
        allocator.Protect(block, PageAccess.Read);
        AssertFault(MemoryFault.ProtectionViolation, () => allocator.Write(block, new byte[] { 9 }));
        AssertFault(MemoryFault.ProtectionViolation, () => allocator.Write<byte>(block + 99, 9));
        Assert.Equal(1, allocator.Read<byte>(block));
        allocator.Protect(block, PageAccess.None);
        AssertFault(MemoryFault.ProtectionViolation, () => allocator.Read(block, new byte[1]));
        allocator.Protect(block, PageAccess.ReadWrite);
        allocator.Write<byte>(block, 4);
        allocator.Protect(block, PageAccess.Read);
        allocator.Free(block);
        Assert.Equal(block, allocator.Allocate(100));
        allocator.Write<byte>(block, 5);
        AssertFault(MemoryFault.NotABlockStart, () => allocator.Protect(block + 16, PageAccess.Read));
        Assert.Throws<ArgumentOutOfRangeException>(() => allocator.Protect(block, (PageAccess)7));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(5_000)]
    [InlineData(300_000)]
    public void Access_is_bounded_by_the_block_from_any_address_in_it(int size)
    {
        using SegregatedAllocator allocator = new();
        allocator.Allocate(64);
        nint block = allocator.Allocate((nuint)size);
        allocator.Allocate(64);
        int usable = (int)allocator.UsableSize(block);
        byte[] data = new byte[usable];
        new Random(size).NextBytes(data);
        allocator.Write(block, data);
        byte[] read = new byte[usable - 33];
        allocator.Read(block + 33, read);
        Assert.Equal(data[33..], read);
        allocator.Write(block + usable - 1, [42]);
        Assert.Equal(42, allocator.Read<byte>(block + usable - 1));
        allocator.Read(block + usable - 1, []);
        foreach (int start in new[] { 1, usable / 2, usable - 1 })
        {
            MemoryFaultException error = AssertFault(MemoryFault.OutOfBounds, () => allocator.Write(block + start, data));
            Assert.Equal(usable, error.SizeBytes);
        }

        Assert.Equal(data[..^1], Enumerable.Range(0, usable - 1).Select(i => allocator.Read<byte>(block + i)));
    }

    [Fact]
    public void Access_after_dispose_is_refused()
    {
        SegregatedAllocator allocator = new();
        nint block = allocator.Allocate(100);
        allocator.Dispose();
        Assert.Throws<ObjectDisposedException>(() => allocator.Read(block, new byte[1]));
        Assert.Throws<ObjectDisposedException>(() => allocator.Write(block, new byte[1]));
        Assert.Throws<ObjectDisposedException>(() => allocator.Collect());
        Assert.Throws<ObjectDisposedException>(() => allocator.GetUsage());
        Assert.Throws<ObjectDisposedException>(() => allocator.GetOwnerBlocks(new OwnerId(1)));
    }

    private static MemoryFaultException AssertFault(MemoryFault expected, Action action)
    {
        MemoryFaultException error = Assert.Throws<MemoryFaultException>(action);
        Assert.Equal(expected, error.Fault);
        return error;
    }
}
