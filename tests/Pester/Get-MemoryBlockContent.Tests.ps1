BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Get-MemoryBlockContent' {
    BeforeEach {
        Open-DimensionStore (New-SampleStore) | Out-Null
        $block = New-MemoryBlock 10 -Zeroed
        Set-MemoryBlockContent $block 'hello' -Offset 2
    }
    AfterEach { Close-DimensionStore -All }

    It 'reads the size that was asked for as one byte array' {
        $bytes = Get-MemoryBlockContent $block
        , $bytes | Should -BeOfType byte[]
        $bytes | Should -Be ([byte[]](0, 0, 104, 101, 108, 108, 111, 0, 0, 0))
    }

    It 'reads a part as text' {
        Get-MemoryBlockContent $block -Offset 2 -Count 5 -AsText | Should -Be 'hello'
    }

    It 'reads from the pipeline and by address' {
        ($block | Get-MemoryBlockContent -Offset 2 -Count 1)[0] | Should -Be 104
        Get-MemoryBlockContent -Address $block.BaseAddress -Offset 2 -Count 5 -AsText | Should -Be 'hello'
    }

    It 'refuses bytes outside the block' -ForEach @{ Offset = 4096; Count = 1 }, @{ Offset = 0; Count = 4097 }, @{ Offset = [long]::MaxValue; Count = 5 } {
        Get-MemoryBlockContent $block -Offset $Offset -Count $Count -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'OutOfBounds,DimensionStore.PowerShell.GetMemoryBlockContentCommand'
    }

    It 'refuses a block that was removed, or whose store is closed' {
        Remove-MemoryBlock $block
        Get-MemoryBlockContent $block -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'MemoryFault,DimensionStore.PowerShell.GetMemoryBlockContentCommand'
        $other = New-MemoryBlock 16
        Close-DimensionStore
        Get-MemoryBlockContent $other -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'StoreClosed,DimensionStore.PowerShell.GetMemoryBlockContentCommand'
    }
}

Describe 'Blocks of more than 2 GiB' {
    BeforeAll {
        $allocator = New-MemoryAllocator large huge -LimitBytes 6GB
        $block = New-MemoryBlock 3000000000 -Allocator huge
    }
    AfterAll { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'are read and written at any offset' {
        Set-MemoryBlockContent $block 'deep' -Offset 2900000000
        Get-MemoryBlockContent $block -Offset 2900000000 -Count 4 -AsText | Should -Be 'deep'
        Get-MemoryBlockContent -Address $block.BaseAddress -Allocator huge -Offset 2900000002 -Count 2 -AsText | Should -Be 'ep'
    }

    It 'are not read whole, as no array holds them' -ForEach @{ AsText = $false }, @{ AsText = $true } {
        Get-MemoryBlockContent $block -AsText:$AsText -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'InvalidArgument,DimensionStore.PowerShell.GetMemoryBlockContentCommand'
        "$($problem[0])" | Should -Match '-Count'
    }

    It 'refuse a range that ends behind them' {
        Set-MemoryBlockContent $block 'deep' -Offset 4000000000 -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^OutOfBounds,'
    }
}

Describe 'Blocks that are free' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'are said to be free, and not to be removed twice: <_>' -ForEach 'None', 'Tracking' {
        New-MemoryAllocator general a -Diagnostic $_ | Out-Null
        $block = New-MemoryBlock 100 -Allocator a
        $block | Remove-MemoryBlock
        Get-MemoryBlockContent $block -ErrorVariable problem -ErrorAction SilentlyContinue
        Set-MemoryBlockContent $block 'x' -ErrorVariable +problem -ErrorAction SilentlyContinue
        $problem.FullyQualifiedErrorId -replace ',.*' | Should -Be 'MemoryFault', 'MemoryFault'
        foreach ($one in $problem) {
            "$one" | Should -Match 'free'
            "$one" | Should -Not -Match 'DoubleFree|twice|removed once'
            $one.ErrorDetails.RecommendedAction | Should -Not -Match 'once'
            $one.Exception.Fault | Should -Be 'UseAfterFree'
        }
    }
}
