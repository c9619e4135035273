BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Get-MemoryMap' {
    BeforeEach { New-MemoryAllocator pool mapped | Out-Null; $blocks = New-MemoryBlock 4KB -Count 5 -Owner 7 -Allocator mapped }
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue; Close-DimensionStore -All }

    It 'adds up' {
        $map = Get-MemoryMap -Allocator mapped
        $map | Should -BeOfType DimensionStore.PowerShell.MemoryMapInfo
        $map.Name | Should -Be mapped
        $map.LiveBlocks | Should -Be 5
        $map.LiveBytes | Should -Be 20KB
        ($map.Groups | Measure-Object CommittedBytes -Sum).Sum | Should -Be $map.CommittedBytes
        ($map.FreeRuns | Measure-Object Bytes -Sum).Sum | Should -Be ($map.CommittedBytes - $map.LiveBytes)
        $map.Owners[0].Owner | Should -Be 7
    }

    It 'is drawn in lines of the width asked for' {
        $lines = (Get-MemoryMap -Allocator mapped -Width 16 -Cells 128 -AsText) -split "`n"
        $lines[0] | Should -Match '^mapped: 5 blocks, 20 KiB live of 256 KiB committed'
        @($lines | Where-Object { $_ -match '^ *0x[0-9a-f]+  (?<cells>\S+)$' -and $Matches.cells.Length -le 16 }).Count | Should -BeGreaterThan 3
        $lines -join '' | Should -Match ([char]0x2588)
    }

    It 'draws the pool of a store' {
        Open-DimensionStore (New-SampleStore) | Out-Null
        New-MemoryBlock 64KB | Out-Null
        (Get-MemoryMap).LiveBytes | Should -Be 64KB
        (Get-MemoryMap).Name | Should -Match '^pool of '
    }

    It 'says that one allocator is meant where several are named' {
        New-MemoryAllocator pool second | Out-Null
        $problem = try { Get-MemoryMap -Allocator mapped, second } catch { $_ }
        $problem.FullyQualifiedErrorId | Should -Be 'InvalidArgument,DimensionStore.PowerShell.GetMemoryMapCommand'
        $problem.Exception.Message | Should -Be '-Allocator names 2 allocators; one is expected.'
        (Get-MemoryMap -Allocator @('mapped')).LiveBlocks | Should -Be 5
        (Get-MemoryAllocator mapped, second | Get-MemoryMap).Name | Should -Be mapped, second
    }

    It 'needs an allocator or a store that is there' {
        { Get-MemoryMap -Allocator nobody -ErrorAction Stop } | Should -Throw -ErrorId 'AllocatorNotFound,DimensionStore.PowerShell.GetMemoryMapCommand'
        { Get-MemoryMap } | Should -Throw -ErrorId 'NoOpenStore,DimensionStore.PowerShell.GetMemoryMapCommand'
    }
}
