BeforeAll {
    . $PSScriptRoot/Support.ps1
    Open-DimensionStore (New-SampleStore) | Out-Null
}
AfterAll { Close-DimensionStore -All }

Describe 'Get-DimensionLayer' {
    It 'lists the layers of a dimension with their numbers as numbers' {
        $layers = Get-DimensionLayer D01
        "$($layers.LayerId)" | Should -Be 'D01:0 D01:1'
        $layers.Frequency | Should -Be 4.5, 7.5
        $layers[0].Frequency | Should -BeOfType float
        $layers[0].Depth | Should -Be 3
        $layers[0].Keywords | Should -Contain 'delight'
        $layers | Should -BeOfType DimensionStore.PowerShell.DimensionLayerInfo
    }

    It 'shows stored and uncompressed length of a compressed layer' {
        $layer = Get-DimensionLayer D02
        "$($layer.Codec)" | Should -Be 'Brotli'
        $layer.Length | Should -Be 3800
        $layer.StoredLength | Should -BeLessThan 3800
    }

    It 'shows simulated layers, and says so' {
        $layers = Get-DimensionLayer D03
        $layers.Count | Should -Be 4
        $layers[0].IsSimulated | Should -BeTrue
    }

    It 'lists all layers without arguments' {
        (Get-DimensionLayer).Count | Should -BeGreaterThan 20
    }

    It 'takes dimensions from the pipeline and filters by number' {
        "$((Get-Dimension D01, D03 | Get-DimensionLayer -Layer 1).LayerId)" | Should -Be 'D01:1 D03:1'
    }

    It 'takes the dimensions in which entries were found' {
        (Find-DimensionEntry joyful | Get-DimensionLayer).LayerId | Should -Be 'D01:0', 'D01:1'
    }

    It 'reports a layer that a named dimension does not have, not one that a pattern misses' {
        Get-DimensionLayer D02 -Layer 0 -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'LayerNotFound,DimensionStore.PowerShell.GetDimensionLayerCommand'
        Get-DimensionLayer 'D02*' -Layer 0 -ErrorAction Stop | Should -BeNullOrEmpty
    }

    It 'reports an unknown dimension' {
        Get-DimensionLayer D77 -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'DimensionNotFound,DimensionStore.PowerShell.GetDimensionLayerCommand'
    }
}
