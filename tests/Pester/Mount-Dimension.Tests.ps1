BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Mount-Dimension' {
    BeforeEach {
        $directory = New-SampleStore
        Open-DimensionStore $directory | Out-Null
    }
    AfterEach { Close-DimensionStore -All }

    It 'loads again what was dismounted' {
        Dismount-Dimension D01
        $mounted = Mount-Dimension D01
        $mounted | Should -BeOfType DimensionStore.PowerShell.DimensionInfo
        "$($mounted.State)" | Should -Be 'Loaded'
        (Find-DimensionEntry delight).Text | Should -Be 'A feeling of great pleasure.'
    }

    It 'loads a file that was replaced' {
        'new text' | New-DimensionFile (Join-Path $directory D01.mmap) D01 -Keywords fresh -Force | Out-Null
        Mount-Dimension D01 | Out-Null
        (Find-DimensionEntry fresh).Text | Should -Be 'new text'
    }

    It 'loads files from elsewhere, by pattern, by literal path and from the pipeline' {
        $elsewhere = New-TestDirectory
        'twenty' | New-DimensionFile (Join-Path $elsewhere 'd20 [a].mmap') D20 Twenty -Keywords k20 | Out-Null
        'twenty-one' | New-DimensionFile (Join-Path $elsewhere d21.mmap) D21 TwentyOne -Keywords k21 | Out-Null
        "$((Mount-Dimension -Path (Join-Path $elsewhere 'd21*')).Id)" | Should -Be 'D21'
        "$((Mount-Dimension -LiteralPath (Join-Path $elsewhere 'd20 [a].mmap')).Id)" | Should -Be 'D20'
        "$((Get-ChildItem -LiteralPath $elsewhere | Mount-Dimension).Id)" | Should -Be 'D20 D21'
        (Find-DimensionEntry k20).Text | Should -Be 'twenty'
    }

    It 'loads by pattern' {
        Dismount-Dimension D01, D02
        "$((Mount-Dimension 'D0[12]*' -ErrorAction SilentlyContinue).Id)" | Should -Be 'D01 D02'
    }

    It 'loads nothing with -WhatIf' {
        Dismount-Dimension D01
        Mount-Dimension D01 -WhatIf | Should -BeNullOrEmpty
        "$((Get-Dimension D01).State)" | Should -Be 'NotLoaded'
    }

    It 'reports <Name>' -ForEach @(
        @{ Name = 'a dimension without a file'; Arguments = @{ Id = 'D99' }; Expected = 'DimensionNotFound' }
        @{ Name = 'what is no dimension'; Arguments = @{ Id = 'x' }; Expected = 'InvalidDimensionId' }
        @{ Name = 'a file that is not there'; Arguments = @{ Path = 'none.mmap' }; Expected = 'PathNotFound' }
    ) {
        Mount-Dimension @Arguments -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be "$Expected,DimensionStore.PowerShell.MountDimensionCommand"
    }

    It 'takes what New-DimensionFile writes' {
        $made = 'x' | New-DimensionFile (Join-Path (New-TestDirectory) any.mmap) D30 Thirty
        "$(($made | Mount-Dimension).Id)" | Should -Be 'D30'
    }

    It 'reports a broken file' {
        $bad = Join-Path (New-TestDirectory) bad.mmap
        Set-Content -LiteralPath $bad 'garbage'
        Mount-Dimension -LiteralPath $bad -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be 'InvalidFileFormat,DimensionStore.PowerShell.MountDimensionCommand'
    }
}
