BeforeAll {
    . $PSScriptRoot/Support.ps1
    $session = Open-DimensionStore (New-SampleStore)
}
AfterAll { Close-DimensionStore -All }

Describe 'Get-DimensionContext' {
    It 'writes a context per step, in order, with the dominant frequency of the path' {
        $contexts = Get-DimensionContext D01:1, D01:0, D02:2
        "$($contexts.LayerId)" | Should -Be 'D01:1 D01:0 D02:2'
        $contexts.Frequency | Should -Be 7.5, 4.5, 7.5
        $contexts.DominantFrequency | Should -Be 7.5, 7.5, 7.5
        $contexts.IsDominant | Should -Be $true, $false, $true
        $contexts[0].Text | Should -Be 'Odd keywords.'
        $contexts[0].Name | Should -Be 'Emotion'
        $contexts | Should -BeOfType DimensionStore.PowerShell.DimensionContext
    }

    It 'takes the earliest frequency among equals' {
        (Get-DimensionContext D01:0, D01:1)[0].DominantFrequency | Should -Be 4.5
    }

    It 'takes the path from the pipeline, as texts and as layers' {
        ('D01:0', 'D01:1' | Get-DimensionContext).Count | Should -Be 2
        (Get-DimensionLayer D01 | Get-DimensionContext).DominantFrequency | Should -Be 4.5, 4.5
    }

    It 'takes the layers in which entries were found' {
        (Find-DimensionEntry joyful | Get-DimensionContext).LayerId | Should -Be 'D01:0'
    }

    It 'skips and reports what cannot be answered' {
        $contexts = Get-DimensionContext D01:0, D77:0, D01:3, D01:1 -ErrorVariable problem -ErrorAction SilentlyContinue
        "$($contexts.LayerId)" | Should -Be 'D01:0 D01:1'
        $problem.FullyQualifiedErrorId | Should -Be 'DimensionNotFound,DimensionStore.PowerShell.GetDimensionContextCommand', 'LayerNotFound,DimensionStore.PowerShell.GetDimensionContextCommand'
    }

    It 'reports what is no layer' {
        Get-DimensionContext nowhere -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'InvalidLayerId,DimensionStore.PowerShell.GetDimensionContextCommand'
    }

    It 'answers from the simulation and says so' {
        (Get-DimensionContext D03:0).IsSimulated | Should -BeTrue
    }
}
