BeforeAll {
    . $PSScriptRoot/Support.ps1

    # PowerShell delivers events between its own steps, so they are there soon and not at once.
    function Wait-Until([scriptblock] $Condition) {
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        while (-not (& $Condition) -and $clock.Elapsed.TotalSeconds -lt 20) { Start-Sleep -Milliseconds 10 }
        & $Condition
    }
}

Describe 'Register-MemoryPressureEvent' {
    AfterEach {
        Get-EventSubscriber | Unregister-Event
        Get-Event | Remove-Event
        Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue
        Close-DimensionStore -All
    }

    It 'queues an event for each threshold that is passed, up and down' {
        New-MemoryAllocator pool tight -LimitBytes 1MB | Out-Null
        Register-MemoryPressureEvent -Allocator tight -SourceIdentifier p | Should -BeNullOrEmpty
        $blocks = New-MemoryBlock 256KB -Count 4 -Allocator tight
        Wait-Until { (Get-Event p -ErrorAction Ignore).SourceEventArgs.Current -contains 'Critical' } | Should -BeTrue
        $blocks | Remove-MemoryBlock
        Optimize-MemoryAllocator tight | Out-Null
        Wait-Until { (Get-Event p)[-1].SourceEventArgs.UsedBytes -eq 0 } | Should -BeTrue
        $last = (Get-Event p)[-1].SourceEventArgs
        $last.Previous | Should -Be 'Critical'
        $last.Current | Should -Be 'Normal'
        $last.LimitBytes | Should -Be 1MB
    }

    It 'goes by the thresholds of the segregated allocator, 60, 80 and 95 percent, where it is one' {
        New-MemoryAllocator segregated tight -LimitBytes 1MB | Out-Null
        Register-MemoryPressureEvent -Allocator tight -SourceIdentifier p
        New-MemoryBlock 4000 -Count 262 -Allocator tight | Out-Null
        Wait-Until { (Get-Event p -ErrorAction Ignore).SourceEventArgs.Current -contains 'Critical' } | Should -BeTrue
        $thresholds = (Get-MemoryAllocator tight).Budget.Thresholds
        $thresholds.WarningPercent, $thresholds.EvictionPercent, $thresholds.CriticalPercent | Should -Be 60, 80, 95
        New-MemoryAllocator pool other | Out-Null
        (Get-MemoryAllocator other).Budget.Thresholds.WarningPercent | Should -Be 75
    }

    It 'runs an action with its data' {
        New-MemoryAllocator pool tight -LimitBytes 1MB | Out-Null
        $script:seen = [System.Collections.Concurrent.ConcurrentQueue[string]]::new()
        $job = Register-MemoryPressureEvent -Allocator tight -MessageData $seen -Action { $Event.MessageData.Enqueue([string]$Event.SourceEventArgs.Current) }
        $job | Should -BeOfType System.Management.Automation.PSEventJob
        $job.Name | Should -Be 'MemoryPressure:tight'
        New-MemoryBlock 256KB -Count 4 -Allocator tight | Out-Null
        Wait-Until { $seen -contains 'Critical' } | Should -BeTrue
        $job | Remove-Job -Force
    }

    It 'watches the store that was opened last' {
        Open-DimensionStore (New-SampleStore) -TotalMemoryMb 2 -NoSimulation -ErrorAction SilentlyContinue | Out-Null
        Register-MemoryPressureEvent -SourceIdentifier s
        New-MemoryBlock 256KB -Count 8 -ErrorAction SilentlyContinue | Out-Null
        Wait-Until { Get-Event s -ErrorAction Ignore } | Should -BeTrue
    }

    It 'refuses a name that is taken, an unknown allocator, and nothing to watch' {
        New-MemoryAllocator pool a | Out-Null
        Register-MemoryPressureEvent -Allocator a -SourceIdentifier same
        { Register-MemoryPressureEvent -Allocator a -SourceIdentifier same } | Should -Throw -ErrorId 'InvalidArgument,*'
        { Register-MemoryPressureEvent -Allocator b } | Should -Throw -ErrorId 'AllocatorNotFound,*'
        { Register-MemoryPressureEvent } | Should -Throw -ErrorId 'NoOpenStore,*'
    }

    It 'takes the place of a subscription to an allocator that was removed' {
        New-MemoryAllocator pool again -LimitBytes 1MB | Out-Null
        Register-MemoryPressureEvent -Allocator again
        Remove-MemoryAllocator again
        New-MemoryAllocator pool again -LimitBytes 1MB | Out-Null
        Register-MemoryPressureEvent -Allocator again
        @(Get-EventSubscriber).Count | Should -Be 1
        New-MemoryBlock 256KB -Count 4 -Allocator again | Out-Null
        Wait-Until { (Get-Event 'MemoryPressure:again' -ErrorAction Ignore).SourceEventArgs.Current -contains 'Critical' } | Should -BeTrue
    }
}
