using System.Runtime.CompilerServices;

namespace DimensionStore.Memory.Tests.Diagnostics;

public sealed class AllocatorRegistryTests
{
    [Fact]
    public void An_allocator_is_found_by_its_name_until_it_is_unregistered()
    {
        using PoolAllocator pool = new(PoolConfig.Default, 1 << 20);
        string name = AllocatorRegistry.Register(pool, "registry test");
        Assert.Equal("registry test", name);
        Assert.True(AllocatorRegistry.TryFind("Registry TEST", out MemoryAllocator? found));
        Assert.Same(pool, found);
        Assert.Contains(new RegisteredAllocator(name, pool), AllocatorRegistry.All);

        Assert.True(AllocatorRegistry.Unregister(pool));
        Assert.False(AllocatorRegistry.Unregister(pool));
        Assert.False(AllocatorRegistry.TryFind(name, out _));
        Assert.DoesNotContain(AllocatorRegistry.All, shown => shown.Allocator == pool);
    }

    [Fact]
    public void Names_stay_unique_and_registering_twice_changes_nothing()
    {
        using PoolAllocator first = new(PoolConfig.Default, 1 << 20);
        using PoolAllocator second = new(PoolConfig.Default, 1 << 20);
        Assert.Equal("twins", AllocatorRegistry.Register(first, "twins"));
        Assert.Equal("TWINS#2", AllocatorRegistry.Register(second, "TWINS"));
        Assert.Equal("twins", AllocatorRegistry.Register(first, "another name"));
        AllocatorRegistry.Unregister(first);
        AllocatorRegistry.Unregister(second);
    }

    [Fact]
    public void A_disposed_allocator_is_still_shown_with_its_leaks()
    {
        PoolAllocator pool = new(PoolConfig.Default, 1 << 20);
        string name = AllocatorRegistry.Register(pool, "leaky");
        pool.Allocate(100);
        pool.Dispose();
        Assert.True(AllocatorRegistry.TryFind(name, out MemoryAllocator? found));
        Assert.Equal(1, found.GetStatistics().LeakedBlocks);
        AllocatorRegistry.Unregister(pool);
    }

    [Fact]
    public void Being_shown_keeps_nothing_alive()
    {
        RegisterAndForget();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        Assert.False(AllocatorRegistry.TryFind("forgotten", out _));
    }

    // In a method of its own, so that no local variable of the test keeps the allocator alive. Disposed, so that its reservation is not lost.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void RegisterAndForget()
    {
        PoolAllocator pool = new(PoolConfig.Default, 1 << 20);
        AllocatorRegistry.Register(pool, "forgotten");
        pool.Dispose();
    }
}
