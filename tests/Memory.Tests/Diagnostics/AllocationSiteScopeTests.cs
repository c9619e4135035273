namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>Places that are named for a thread rather than by a call.</summary>
public sealed class AllocationSiteScopeTests
{
    [Fact]
    public void A_place_reaches_the_diagnosis_through_the_layers_above_it_and_ends_with_its_scope()
    {
        DiagnosticLayer diagnosis = new(new SlabAllocator(1 << 20), DiagnosticOptions.Tracking);
        using (OwnerQuotaLayer memory = new(diagnosis))
        {
            using (new AllocationSiteScope(new string("script.ps1"), 12))
            {
                memory.Allocate(1, owner: new OwnerId(7));
                using (new AllocationSiteScope("inner.ps1", 3))
                {
                    Assert.True(memory.TryAllocate(2, out _));
                }

                memory.Allocate(3);
                diagnosis.AllocateTracked(4, file: "given.cs", line: 5);
            }

            memory.Allocate(5);
        }

        Assert.Equal(
            ["script.ps1:12", "inner.ps1:3", "script.ps1:12", "given.cs:5", "an unrecorded place"],
            diagnosis.Leaks.OrderBy(leak => leak.SizeBytes).Select(leak => leak.Site.ToString()));
    }

    [Fact]
    public void A_place_is_one_threads_only()
    {
        DiagnosticLayer diagnosis = new(new SlabAllocator(1 << 20), DiagnosticOptions.Tracking);
        using (diagnosis)
        {
            using AllocationSiteScope place = new("script.ps1", 12);
            Thread other = new(() => diagnosis.Allocate(1));
            other.Start();
            other.Join();
        }

        Assert.False(Assert.Single(diagnosis.Leaks).Site.IsKnown);
    }

    [Fact]
    public void The_same_place_named_by_other_strings_is_kept_once()
    {
        int before;
        using (new AllocationSiteScope("scope-" + 1, 1))
        {
            before = AllocationSiteScope.Current;
        }

        using AllocationSiteScope again = new("scope-" + 1, 1);
        Assert.NotEqual(0, before);
        Assert.Equal(before, AllocationSiteScope.Current);
    }
}
