BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Complete-ProtoDimension' {
    BeforeEach {
        $directory = New-SampleStore
        Open-DimensionStore $directory | Out-Null
        $proto = New-ProtoDimension Notes
        'Buy tea.' | Add-ProtoDimensionEntry $proto -Keywords tea
    }
    AfterEach { Close-DimensionStore -All }

    It 'makes a file in the store, loads it and gives the memory back' {
        $before = (Get-MemStats).PoolLiveBlocks
        $before | Should -BeGreaterThan 0
        $made = Complete-ProtoDimension $proto
        "$($made.Id) $($made.State)" | Should -Be 'D15 Loaded'
        $made.Name | Should -Be 'Notes'
        Test-DimensionFile (Join-Path $directory D15.mmap) -Quiet | Should -BeTrue
        (Find-DimensionEntry tea).Text | Should -Be 'Buy tea.'
        (Get-MemStats).PoolLiveBlocks | Should -Be 0
        $proto.IsOpen | Should -BeFalse
    }

    It 'takes an id, a name, the pipeline' {
        "$((Complete-ProtoDimension Notes D20).Id)" | Should -Be 'D20'
        $next = New-ProtoDimension More
        'x' | Add-ProtoDimensionEntry $next
        "$(($next | Complete-ProtoDimension).Id)" | Should -Be 'D15'
    }

    It 'makes nothing with -WhatIf' {
        Complete-ProtoDimension $proto -WhatIf | Should -BeNullOrEmpty
        $proto.IsOpen | Should -BeTrue
        Test-Path -LiteralPath (Join-Path $directory D15.mmap) | Should -BeFalse
    }

    It 'refuses <_> and leaves the proto-dimension as it was' -ForEach 'D05', 'D09', 'x' {
        Complete-ProtoDimension $proto $_ -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem.Count | Should -Be 1
        $proto.EntryCount | Should -Be 1
        "$((Complete-ProtoDimension $proto).Id)" | Should -Be 'D15'
    }

    It 'refuses to do it twice' {
        Complete-ProtoDimension $proto | Out-Null
        { Complete-ProtoDimension $proto } | Should -Throw -ErrorId 'ProtoDimensionClosed,DimensionStore.PowerShell.CompleteProtoDimensionCommand'
    }

    It 'says what is wrong without the parameter names of the library' {
        'x' | Add-ProtoDimensionEntry ($proto = New-ProtoDimension 'Core')
        Complete-ProtoDimension $proto -Id D01 -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be 'InvalidArgument,DimensionStore.PowerShell.CompleteProtoDimensionCommand'
        "$($problem[0])" | Should -BeLike '*from 15 on.'
    }
}
