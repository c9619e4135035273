BeforeAll {
    . $PSScriptRoot/Support.ps1
    $session = Open-DimensionStore (New-SampleStore)
}
AfterAll { Close-DimensionStore -All }

Describe 'Get-DimensionContent' {
    It 'reads a layer as one text' {
        $text = Get-DimensionContent D01:0
        $text | Should -BeOfType string
        $text | Should -Be 'A feeling of great pleasure.Full of joy.'
    }

    It 'reads a compressed layer' {
        (Get-DimensionContent D02:2).Length | Should -Be 3800
    }

    It 'reads bytes as one array per layer' {
        $bytes = Get-DimensionContent D01:1 -AsByteStream
        , $bytes | Should -BeOfType byte[]
        [System.Text.Encoding]::UTF8.GetString($bytes) | Should -Be 'Odd keywords.'
        @(Get-DimensionContent D01:0, D01:1 -AsByteStream).Count | Should -Be 2
    }

    It 'gives bytes that Set-Content takes' {
        $copy = Join-Path (New-TestDirectory) copy.bin
        Get-DimensionContent D01:0 -AsByteStream | Set-Content -LiteralPath $copy -AsByteStream
        [System.IO.File]::ReadAllText($copy) | Should -Be 'A feeling of great pleasure.Full of joy.'
    }

    It 'reads a part' {
        Get-DimensionContent D01:0 -Offset 2 -Count 7 | Should -Be 'feeling'
        Get-DimensionContent D01:0 -Offset 28 | Should -Be 'Full of joy.'
        Get-DimensionContent D01:0 -Count 0 | Should -Be ''
    }

    It 'takes the layers in which entries were found, and of contexts' {
        Find-DimensionEntry delight | Get-DimensionContent | Should -Be (Get-DimensionContent D01:0)
        Get-DimensionContext D01:1, D01:0 | Get-DimensionContent | Should -Be (Get-DimensionContent D01:1, D01:0)
        $entries = @(Find-DimensionEntry joyful) + @(Find-DimensionEntry 'thought')
        Get-DimensionContent -LayerId $entries | ForEach-Object Length | Should -Be 40, 3800
    }

    It 'reads the place that Find-DimensionEntry gives' {
        $found = Find-DimensionEntry joyful
        Get-DimensionContent $found.LayerId -Offset $found.Offset -Count $found.Length | Should -Be $found.Text
    }

    It 'takes layers from the pipeline, each from its own store' {
        $other = Open-DimensionStore (New-TestDirectory) -WarningAction SilentlyContinue
        Get-DimensionLayer D01 -Store $session | Get-DimensionContent | Should -Be 'A feeling of great pleasure.Full of joy.', 'Odd keywords.'
        Close-DimensionStore $other
    }

    It 'reads simulated layers' {
        Get-DimensionContent D03:0 | Should -Not -BeNullOrEmpty
    }

    It 'reports <Name>' -ForEach @(
        @{ Name = 'a layer that is not there'; Layer = 'D01:3'; Expected = 'LayerNotFound' }
        @{ Name = 'a dimension that is not there'; Layer = 'D77:0'; Expected = 'DimensionNotFound' }
        @{ Name = 'what is no layer'; Layer = 'D01'; Expected = 'InvalidLayerId' }
        @{ Name = 'layer 4'; Layer = 'D01:4'; Expected = 'InvalidLayerId' }
    ) {
        Get-DimensionContent $Layer -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be "$Expected,DimensionStore.PowerShell.GetDimensionContentCommand"
    }

    It 'reports a range outside the layer' -ForEach @{ Offset = 41; Count = 1 }, @{ Offset = 0; Count = 41 } {
        Get-DimensionContent D01:0 -Offset $Offset -Count $Count -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'OutOfBounds,DimensionStore.PowerShell.GetDimensionContentCommand'
    }

    It 'serves the other layers when one fails' {
        Get-DimensionContent D01:3, D01:1 -ErrorAction SilentlyContinue | Should -Be 'Odd keywords.'
    }
}
