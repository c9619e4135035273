BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Dismount-Dimension' {
    BeforeEach {
        $directory = New-SampleStore
        Open-DimensionStore $directory -NoSimulation | Out-Null
    }
    AfterEach { Close-DimensionStore -All }

    It 'takes a dimension out of memory and keeps its file' {
        Dismount-Dimension D01 | Should -BeNullOrEmpty
        "$((Get-Dimension D01).State)" | Should -Be 'NotLoaded'
        Test-Path -LiteralPath (Join-Path $directory D01.mmap) | Should -BeTrue
    }

    It 'writes the dimension with -PassThru' {
        "$((Dismount-Dimension D01 -PassThru).State)" | Should -Be 'NotLoaded'
    }

    It 'leaves reading it with an error that says how to load it' {
        Dismount-Dimension D01
        Get-DimensionContent D01:0 -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be 'DimensionNotLoaded,DimensionStore.PowerShell.GetDimensionContentCommand'
        $problem[0].ErrorDetails.RecommendedAction | Should -BeLike '*Mount-Dimension D01*'
    }

    It 'takes dimensions from the pipeline and by pattern' {
        Get-Dimension D01 | Dismount-Dimension
        Dismount-Dimension 'D*' -ErrorAction Stop
        Get-Dimension -State Loaded | Should -BeNullOrEmpty
    }

    It 'does nothing with -WhatIf' {
        Dismount-Dimension D01, D02 -WhatIf
        "$((Get-Dimension -State Loaded).Id)" | Should -Be 'D01 D02'
    }

    It 'reports a dimension that is not loaded, and one that is unknown' {
        Dismount-Dimension D01
        Dismount-Dimension D01, D77 -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem.FullyQualifiedErrorId | Should -Be 'DimensionNotLoaded,DimensionStore.PowerShell.DismountDimensionCommand', 'DimensionNotFound,DimensionStore.PowerShell.DismountDimensionCommand'
    }

    It 'keeps immutable dimensions' {
        'x' | New-DimensionFile (Join-Path $directory D09.mmap) D09 | Out-Null
        Mount-Dimension D09 | Out-Null
        Dismount-Dimension D09 -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be 'ImmutableDimension,DimensionStore.PowerShell.DismountDimensionCommand'
        "$((Get-Dimension D09).State)" | Should -Be 'Loaded'
    }
}
