BeforeAll {
    . $PSScriptRoot/Support.ps1

    # As dotnet-trace does, from within: it notes on whatever thread an event comes.
    if (-not ('ToolkitListener' -as [type])) {
        Add-Type -TypeDefinition @'
using System.Collections.Concurrent;
using System.Diagnostics.Tracing;
public sealed class ToolkitListener : EventListener
{
    public ConcurrentQueue<string> Seen { get; } = new();
    protected override void OnEventSourceCreated(EventSource source)
    {
        if (source.Name == "DimensionStore-Memory") { EnableEvents(source, EventLevel.Verbose, EventKeywords.All); }
    }
    protected override void OnEventWritten(EventWrittenEventArgs e)
    {
        if (e.EventSource.Name == "DimensionStore-Memory") { Seen?.Enqueue(e.EventName + " " + string.Join(" ", e.Payload)); }
    }
}
'@
    }
}

Describe 'The event source' {
    BeforeEach { $listener = [ToolkitListener]::new() }
    AfterEach {
        $listener.Dispose()
        Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue -ErrorAction SilentlyContinue
        Close-DimensionStore -All
    }

    It 'tells what happens in allocators, by their names: <_>' -ForEach 'general', 'segregated' {
        New-MemoryAllocator $_ told -LimitBytes 1MB -Diagnostic Tracking | Out-Null
        $block = New-MemoryBlock 100 -Owner 7 -Allocator told
        $other = New-MemoryBlock 200 -Owner 8 -Allocator told
        $left = New-MemoryBlock 300 -Allocator told
        Remove-MemoryBlock $block
        Remove-MemoryBlock $block -ErrorAction SilentlyContinue
        Clear-MemoryOwner told 8
        New-MemoryBlock 2MB -Allocator told -ErrorAction SilentlyContinue
        New-MemoryBlock 300KB -Allocator told | Remove-MemoryBlock
        $returned = (Optimize-MemoryAllocator told).ReturnedBytes

        # There is nothing left to give back, which is no event.
        Optimize-MemoryAllocator told | Out-Null
        Remove-MemoryAllocator told -WarningAction SilentlyContinue
        $seen = @($listener.Seen) -match ' told '
        $seen | Should -Contain "Allocated told $($block.BaseAddress) 100 7"
        $seen | Should -Contain "Freed told $($block.BaseAddress) 100 7"
        $seen | Should -Contain "Freed told $($other.BaseAddress) 200 8"
        @($seen -match '^FaultFound told DoubleFree').Count | Should -Be 1
        @($seen -match '^AllocationFailed told 2097152 ').Count | Should -Be 1
        @($seen -match '^Trimmed told ') | Should -Be "Trimmed told $returned"
        $seen | Should -Contain 'Leaked told 1 300'
        @($seen -match "^Allocated told $($left.BaseAddress) ").Count | Should -Be 1
    }

    It 'tells of limits of owners, pressure, collections and resets' {
        New-MemoryAllocator segregated told -LimitBytes 1MB | Out-Null
        Set-MemoryOwner told 7 1KB
        New-MemoryBlock 2KB -Owner 7 -Allocator told -ErrorAction SilentlyContinue
        New-MemoryBlock 4000 -Count 262 -Allocator told | Out-Null
        Invoke-MemoryCollection told | Out-Null
        Reset-MemoryAllocator told -Confirm:$false
        $seen = @($listener.Seen) -match ' told '
        @($seen -match '^AllocationFailed told 2048 .* 7$').Count | Should -Be 1
        @($seen -match '^PressureChanged told .* Critical ').Count | Should -Be 1
        # At critical pressure by itself, and when asked.
        @($seen -match '^Collected told ').Count | Should -Be 2
        @($seen -match '^Emptied told 262 ').Count | Should -Be 1
    }

    It 'tells what happens in the pool of a store' {
        $store = Open-DimensionStore (New-SampleStore) -TotalMemoryMb 2 -NoSimulation -ErrorAction SilentlyContinue
        $block = New-MemoryBlock 4KB -Owner 7
        Remove-MemoryBlock $block
        New-ProtoDimension Notes | Out-Null
        'x' | Add-ProtoDimensionEntry Notes
        New-MemoryBlock 256KB -Count 8 -ErrorAction SilentlyContinue | Out-Null
        Close-DimensionStore
        $seen = @($listener.Seen) -match ' pool of '
        $seen | Should -Contain "Allocated pool of $($store.BasePath) $($block.BaseAddress) 4096 7"
        $seen | Should -Contain "Freed pool of $($store.BasePath) $($block.BaseAddress) 4096 7"
        @($seen -match '^Allocated .* -1$') | Should -Not -BeNullOrEmpty
        @($seen -match '^PressureChanged .* (Warning|Critical) ') | Should -Not -BeNullOrEmpty
        @($seen -match '^AllocationFailed ') | Should -Not -BeNullOrEmpty
    }
}
