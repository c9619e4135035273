BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Get-MemStats' {
    BeforeEach { $session = Open-DimensionStore (New-SampleStore) }
    AfterEach { Close-DimensionStore -All }

    It 'counts dimensions, layers and bytes' {
        $stats = Get-MemStats
        $stats | Should -BeOfType DimensionStore.PowerShell.MemStats
        $stats.DimensionsLoaded | Should -Be 2
        $stats.SimulatedDimensions | Should -Be 12
        $stats.SimulationMode | Should -BeTrue
        $stats.LayersLoaded | Should -Be (3 + 12 * 4)
        $stats.LimitBytes | Should -Be 280MB
        $stats.TotalAllocatedBytes | Should -BeGreaterThan 0
        $stats.PeakUsageBytes | Should -BeGreaterOrEqual $stats.TotalAllocatedBytes
        $stats.TotalAllocatedBytes | Should -BeOfType long
        "$($stats.Pressure)" | Should -Be 'Normal'
    }

    It 'counts accesses' {
        $before = (Get-MemStats).AccessCount
        Get-DimensionContent D01:0, D01:1 | Out-Null
        (Get-MemStats).AccessCount | Should -BeGreaterThan $before
    }

    It 'counts blocks, per pool' {
        $blocks = New-MemoryBlock 4KB -Count 3
        $stats = Get-MemStats
        $stats.PoolLiveBlocks | Should -Be 3
        $stats.PoolUsedBytes | Should -Be 12KB
        $stats.Pools.BlockBytes | Should -Be 4KB, 16KB, 64KB, 256KB
        $stats.Pools[0].LiveBlocks | Should -Be 3
        $blocks | Remove-MemoryBlock
        (Get-MemStats).PoolLiveBlocks | Should -Be 0
    }

    It 'is a snapshot' {
        $before = Get-MemStats
        New-MemoryBlock 4KB | Out-Null
        $before.PoolLiveBlocks | Should -Be 0
        Close-DimensionStore
        $before.DimensionsLoaded | Should -Be 2
    }

    It 'shows every store with -All, one with -Store' {
        $second = Open-DimensionStore (New-SampleStore) -NoSimulation
        @(Get-MemStats -All).Count | Should -Be 2
        (Get-MemStats -Store $session).SimulatedDimensions | Should -Be 12
        ($session, $second | ForEach-Object { [pscustomobject]@{ Store = $_ } } | Get-MemStats).SimulatedDimensions | Should -Be 12, 0
    }

    It 'takes stores from the pipeline, and so do the commands about blocks and maps' {
        $second = Open-DimensionStore (New-SampleStore)
        (Get-DimensionStore | Get-MemStats).BasePath | Should -Be $session.BasePath, $second.BasePath
        ($session | New-MemoryBlock 4KB).Store.BasePath | Should -Be $session.BasePath
        @($session, $second | Get-MemoryBlock).Count | Should -Be 1
        (Get-DimensionStore | Get-MemoryMap).LiveBlocks | Should -Be 1, 0
        ($session | Export-MemoryMap (Join-Path (New-TestDirectory) m.svg)).Name | Should -Be 'm.svg'
        $session | Register-MemoryPressureEvent -SourceIdentifier of-a-store
        try { (Get-EventSubscriber of-a-store).SourceObject.LimitBytes | Should -Be 280MB } finally { Unregister-Event of-a-store }
        @(Get-MemoryBlock -Store $session | Get-MemStats).BasePath | Should -Be $session.BasePath
    }

    It 'shows every allocator, by name or pattern, and all its statistics' {
        New-MemoryBlock 4KB -Owner 3 | Out-Null
        New-MemoryAllocator pool stats-one | Out-Null
        try {
            $all = Get-MemStats -Allocator *
            $all.Name | Should -Contain "pool of $($session.BasePath)"
            $all.Name | Should -Contain stats-one
            (Get-MemStats).Allocators.Name | Should -Contain stats-one
            $pool = $all | Where-Object Name -EQ "pool of $($session.BasePath)"
            $pool.LiveBlocks | Should -Be 1
            $pool.PeakLiveBytes | Should -Be 4KB
            $pool.Owners[0].Owner | Should -Be 3
            $fields = [DimensionStore.Memory.AllocatorStatistics].GetProperties().Name
            $fields | Where-Object { $_ -notin $pool.PSObject.Properties.Name } | Should -BeNullOrEmpty
            (Get-MemStats -Allocator STATS-ONE).LiveBlocks | Should -Be 0
            { Get-MemStats -Allocator nobody -ErrorAction Stop } | Should -Throw -ErrorId 'AllocatorNotFound,DimensionStore.PowerShell.GetMemStatsCommand'
        }
        finally { Remove-MemoryAllocator stats-one }
        (Get-MemStats -Allocator *).Name | Should -Not -Contain stats-one
    }

    It 'shows the allocators where no store is open' {
        Close-DimensionStore -All
        New-MemoryAllocator general alone-one | Out-Null
        New-MemoryAllocator pool alone-two | Out-Null
        try {
            (Get-MemStats).Name | Sort-Object | Should -Be alone-one, alone-two
            (Get-MemStats)[0] | Should -BeOfType DimensionStore.PowerShell.AllocatorStats
            Get-MemStats -All | Should -BeNullOrEmpty
        }
        finally { Remove-MemoryAllocator alone-one, alone-two }
    }

    It 'takes allocators from the pipeline' {
        New-MemoryAllocator general piped-one | Out-Null
        $gone = New-MemoryAllocator pool piped-two
        try {
            New-MemoryBlock 100 -Count 2 -Allocator piped-one | Out-Null
            $stats = Get-MemoryAllocator piped-* | Get-MemStats
            $stats.Name | Should -Be piped-one, piped-two
            $stats.LiveBlocks | Should -Be 2, 0
            $stats[0] | Should -BeOfType DimensionStore.PowerShell.AllocatorStats
            (Get-MemStats -Allocator (Get-MemoryAllocator piped-*)).Name | Should -Be piped-one, piped-two
        }
        finally { Remove-MemoryAllocator piped-* -WarningAction Ignore }
        { $gone | Get-MemStats -ErrorAction Stop } | Should -Throw -ErrorId 'AllocatorClosed,DimensionStore.PowerShell.GetMemStatsCommand'
    }

    It 'needs a store, or an allocator' {
        Close-DimensionStore -All
        { Get-MemStats } | Should -Throw -ErrorId 'NoOpenStore,DimensionStore.PowerShell.GetMemStatsCommand'
        foreach ($command in { Get-MemStats }, { New-MemoryBlock 1 }, { Get-Dimension }) {
            $remedy = try { & $command } catch { $_.ErrorDetails.RecommendedAction }
            ($remedy -like '*-Allocator*') | Should -Be ("$command" -notlike '*Get-Dimension*') -Because $command
        }
    }
}

Describe 'The pool of a store that was just opened' {
    AfterEach { Close-DimensionStore -All }

    It 'is among the allocators, and has one name everywhere' {
        $store = Open-DimensionStore (New-SampleStore)
        $name = "pool of $($store.BasePath)"
        (Get-Completion 'Get-MemStats -Allocator ').ListItemText | Should -Contain $name
        (Get-MemStats -Allocator *).Name | Should -Contain $name
        (Get-MemoryMap).Name | Should -Be $name
        (Get-MemStats -Allocator (Get-MemoryMap).Name).Name | Should -Be $name
        Open-DimensionStore (New-SampleStore) | Out-Null
        (Get-MemoryMap -Allocator $name).Name | Should -Be $name
        (New-MemoryBlock 4KB -Allocator $name).Store.BasePath | Should -Be $store.BasePath
        (Get-MemStats -Allocator $name | Get-MemoryMap).LiveBlocks | Should -Be 1
        @((Get-MemStats).Allocators | Get-MemoryBlock).Count | Should -Be 1
        { Get-MemoryMap -Allocator 'pool of nowhere' } | Should -Throw -ErrorId 'AllocatorNotFound,*'
    }

    It 'is there by its name alone' {
        $store = Open-DimensionStore (New-SampleStore)
        (Get-MemStats -Allocator "pool of $($store.BasePath)").LiveBlocks | Should -Be 0
        (Get-MemoryMap | Export-MemoryMap (Join-Path (New-TestDirectory) m.svg)).Name | Should -Be 'm.svg'
    }
}
