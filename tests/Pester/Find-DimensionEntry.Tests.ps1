BeforeAll {
    . $PSScriptRoot/Support.ps1
    $session = Open-DimensionStore (New-SampleStore) -NoSimulation
}
AfterAll { Close-DimensionStore -All }

Describe 'Find-DimensionEntry' {
    It 'finds a whole keyword in every dimension, in any case' -ForEach 'joy', 'JOY', 'Joy' {
        $found = Find-DimensionEntry $_
        "$($found.LayerId)" | Should -Be 'D01:0 D02:2'
        $found[0].Text | Should -Be 'A feeling of great pleasure.'
        $found | Should -BeOfType DimensionStore.PowerShell.DimensionEntryMatch
    }

    It 'gives place, bytes and text of an entry' {
        $found = Find-DimensionEntry joyful
        $found.Keyword | Should -Be 'Joyful'
        $found.Offset | Should -Be 28
        $found.Length | Should -Be 12
        , $found.Content | Should -BeOfType byte[]
        $found.Content.Length | Should -Be 12
        $found.IsSimulated | Should -BeFalse
    }

    It 'finds prefixes' {
        "$((Find-DimensionEntry -Prefix JO -Id D01).Keyword)" | Should -Be 'joy Joyful'
        Find-DimensionEntry -Prefix zzz -ErrorAction Stop | Should -BeNullOrEmpty
    }

    It 'finds <Pattern>' -ForEach @(
        @{ Pattern = 'j*'; Expected = 'joy Joyful' }
        @{ Pattern = 'JO?'; Expected = 'joy' }
        @{ Pattern = '*ful'; Expected = 'Joyful' }
        @{ Pattern = '*l*'; Expected = 'delight Joyful' }
        @{ Pattern = 'z*'; Expected = '' }
    ) {
        "$((Find-DimensionEntry $Pattern -Id D01 -ErrorAction Stop).Keyword)" | Should -Be $Expected
    }

    It 'takes brackets as they are' {
        (Find-DimensionEntry 'c[0]').Text | Should -Be 'Full of joy.'
    }

    It 'takes * and ? as they are with -LiteralKeyword' {
        (Find-DimensionEntry -LiteralKeyword 'A*B', 'what?').Keyword | Should -Be 'a*b', 'what?'
        Find-DimensionEntry -LiteralKeyword 'j*' -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -BeLike 'KeywordNotFound,*'
    }

    It 'searches only the dimensions and layers it is told' {
        (Find-DimensionEntry joy -Id D02).LayerId | Should -Be 'D02:2'
        (Find-DimensionEntry joy -Id 'D0?' -Layer 0).LayerId | Should -Be 'D01:0'
    }

    It 'takes keywords from the pipeline' {
        ('delight', 'thought' | Find-DimensionEntry).Count | Should -Be 2
    }

    It 'reports a whole keyword that nothing has, and serves the others' {
        $found = Find-DimensionEntry joyful, nothing -ErrorVariable problem -ErrorAction SilentlyContinue
        $found.Count | Should -Be 1
        $problem.Count | Should -Be 1
        $problem[0].FullyQualifiedErrorId | Should -Be 'KeywordNotFound,DimensionStore.PowerShell.FindDimensionEntryCommand'
        $problem[0].CategoryInfo.Category | Should -Be ObjectNotFound
        $problem[0].TargetObject | Should -Be 'nothing'
    }

    It 'reports an unknown dimension' {
        Find-DimensionEntry joy -Id D77 -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'DimensionNotFound,DimensionStore.PowerShell.FindDimensionEntryCommand'
    }

    It 'ends the search when enough is found' {
        @(Find-DimensionEntry '*' | Select-Object -First 2).Count | Should -Be 2
    }

    It 'gives copies that outlive the store' {
        $other = Open-DimensionStore (New-SampleStore)
        $found = Find-DimensionEntry delight
        Close-DimensionStore $other
        $found.Text | Should -Be 'A feeling of great pleasure.'
    }

    It 'answers from the simulation where files are missing, and says so' {
        $other = Open-DimensionStore (New-TestDirectory) -WarningAction SilentlyContinue
        $keyword = (Get-DimensionLayer D01 -Layer 0).Keywords[0]
        @(Find-DimensionEntry $keyword)[0].IsSimulated | Should -BeTrue
        Close-DimensionStore $other
    }

}
