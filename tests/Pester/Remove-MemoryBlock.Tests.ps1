BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Remove-MemoryBlock' {
    BeforeEach {
        Open-DimensionStore (New-SampleStore) | Out-Null
        $block = New-MemoryBlock 4KB
    }
    AfterEach { Close-DimensionStore -All }

    It 'gives a block back and says nothing' {
        Remove-MemoryBlock $block | Should -BeNullOrEmpty
        $block.IsLive | Should -BeFalse
        (Get-MemStats).PoolLiveBlocks | Should -Be 0
    }

    It 'takes blocks from the pipeline and by address' {
        $more = New-MemoryBlock 64KB
        Remove-MemoryBlock -Address $more.BaseAddress
        Get-MemoryBlock | Remove-MemoryBlock
        Get-MemoryBlock | Should -BeNullOrEmpty
    }

    It 'removes nothing with -WhatIf' {
        Remove-MemoryBlock $block -WhatIf
        $block.IsLive | Should -BeTrue
    }

    It 'reports a second removal and changes nothing' {
        Remove-MemoryBlock $block
        $other = New-MemoryBlock 64KB
        Remove-MemoryBlock $block, $other -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem.Count | Should -Be 1
        $problem[0].FullyQualifiedErrorId | Should -Be 'MemoryFault,DimensionStore.PowerShell.RemoveMemoryBlockCommand'
        $problem[0].Exception.Fault | Should -Be 'DoubleFree'
        $other.IsLive | Should -BeFalse
    }

    It 'leaves alone another block that has the address of <_> given back' -ForEach 'one of a pool', 'one of an allocator', 'one listed before' {
        $from = if ($_ -eq 'one of an allocator') { @{ Allocator = New-MemoryAllocator general again } } else { @{ } }
        try {
            $first = New-MemoryBlock 4KB @from
            $gone = if ($_ -eq 'one listed before') { Get-MemoryBlock $first.BaseAddress @from } else { $first }
            Remove-MemoryBlock $first
            $others = foreach ($i in 1..200) { ($new = New-MemoryBlock 4KB @from); if ($new.BaseAddress -eq $gone.BaseAddress) { break } }
            $other = $others[-1]
            $other.BaseAddress | Should -Be $gone.BaseAddress
            Set-MemoryBlockContent $other 'kept'
            Remove-MemoryBlock $gone -ErrorVariable problem -ErrorAction SilentlyContinue
            Set-MemoryBlockContent $gone 'lost' -ErrorVariable +problem -ErrorAction SilentlyContinue
            Get-MemoryBlockContent $gone -ErrorVariable +problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
            $problem.FullyQualifiedErrorId -replace ',.*' | Should -Be (@('MemoryFault') * 3)
            $problem.Exception.Fault | Should -Be 'DoubleFree', 'UseAfterFree', 'UseAfterFree'
            $gone.IsLive | Should -BeFalse
            $other.IsLive | Should -BeTrue
            Get-MemoryBlockContent $other -Count 4 -AsText | Should -Be 'kept'
            Remove-MemoryBlock $others
            $other.IsLive | Should -BeFalse
        }
        finally { Get-MemoryAllocator again -ErrorAction Ignore | Remove-MemoryAllocator -Confirm:$false }
    }

    It 'reports an address that is no block' -ForEach 1, 4096 {
        Remove-MemoryBlock -Address $_ -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be 'BlockNotFound,DimensionStore.PowerShell.RemoveMemoryBlockCommand'
    }

    It 'leaves the blocks alone in which the store keeps layers and proto-dimensions' {
        $text = Get-DimensionContent D02:2
        $proto = New-ProtoDimension learned
        Add-ProtoDimensionEntry $proto 'kept' -Keywords kept
        $held = @(Get-MemoryBlock -Owner -1)
        $held.Count | Should -Be 2
        Get-MemoryBlock | Remove-MemoryBlock -ErrorVariable problem -ErrorAction SilentlyContinue
        Remove-MemoryBlock -Address $held.BaseAddress -ErrorVariable +problem -ErrorAction SilentlyContinue
        Set-MemoryBlockContent $held 'X' -ErrorVariable +problem -ErrorAction SilentlyContinue
        $problem.FullyQualifiedErrorId -replace ',.*' | Should -Be (@('BlockOfStore') * 6)
        $block.IsLive | Should -BeFalse
        $held.IsLive | Should -Be $true, $true
        Get-DimensionContent D02:2 | Should -Be $text
        Complete-ProtoDimension $proto | Out-Null
        (Find-DimensionEntry kept).Text | Should -Be 'kept'
    }

    It 'leaves alone what the store has taken since at the address of a block given back' {
        Remove-MemoryBlock $block
        $proto = New-ProtoDimension learned
        Add-ProtoDimensionEntry $proto 'kept' -Keywords kept
        (Get-MemoryBlock -Owner -1).BaseAddress | Should -Be $block.BaseAddress
        Remove-MemoryBlock $block -ErrorVariable problem -ErrorAction SilentlyContinue
        Set-MemoryBlockContent $block 'X' -ErrorVariable +problem -ErrorAction SilentlyContinue
        Get-MemoryBlockContent $block -ErrorVariable +problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem.FullyQualifiedErrorId -replace ',.*' | Should -Be (@('BlockOfStore') * 3)
        @(Get-MemoryBlock -Owner -1).Count | Should -Be 1
        Complete-ProtoDimension $proto | Out-Null
        (Find-DimensionEntry kept).Text | Should -Be 'kept'
    }

    It 'reports a block of a store that is closed' {
        Close-DimensionStore
        Remove-MemoryBlock $block -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be 'StoreClosed,DimensionStore.PowerShell.RemoveMemoryBlockCommand'
    }
}

Describe 'A block and another allocator than its own' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue; Close-DimensionStore -All }

    It 'is refused by <_>, and nothing is done' -ForEach 'Remove-MemoryBlock', 'Get-MemoryBlockContent', 'Set-MemoryBlockContent' {
        $a = New-MemoryAllocator pool a
        New-MemoryAllocator pool b | Out-Null
        $store = Open-DimensionStore (New-SampleStore)
        $mine = New-MemoryBlock 64 -Zeroed -Allocator a
        $more = if ($_ -eq 'Set-MemoryBlockContent') { @{ Value = 'x' } } else { @{} }
        foreach ($other in @{ Allocator = 'b' }, @{ Store = $store }) {
            $mine | & $_ @other @more -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
            & $_ $mine @other @more -ErrorVariable +problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
            $problem.FullyQualifiedErrorId | Should -Be @("BlockNotFound,DimensionStore.PowerShell.$($_ -replace '-')Command", "BlockNotFound,DimensionStore.PowerShell.$($_ -replace '-')Command")
            $problem[0].Exception.Message | Should -Match 'is of allocator a, not of '
        }
        $mine.IsLive | Should -BeTrue
        (Get-MemoryBlockContent $mine)[0] | Should -Be 0
        $mine, (New-MemoryBlock 64 -Allocator b) | Remove-MemoryBlock
        New-MemoryBlock 64 -Allocator a | Remove-MemoryBlock -Allocator $a
        $a.LiveBlocks | Should -Be 0
    }
}
