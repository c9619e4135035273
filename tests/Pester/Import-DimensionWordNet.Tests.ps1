# Two tests read the WordNet database, which is a package of the system and not of this project: where it is not installed they are skipped, and counted as skipped.
BeforeDiscovery { $hasWordNet = Test-Path -LiteralPath /usr/share/wordnet/data.noun }
BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Import-DimensionWordNet' {
    AfterEach { Close-DimensionStore -All }

    It 'reports a directory that does not hold WordNet' {
        { Import-DimensionWordNet (New-TestDirectory) -SourcePath (New-TestDirectory) } | Should -Throw -ErrorId 'WordNetNotFound,DimensionStore.PowerShell.ImportDimensionWordNetCommand'
    }

    It 'imports all of WordNet, whose lemmas are then found' -Skip:(-not $hasWordNet) {
        $directory = Join-Path $TestDrive wordnet
        $made = Import-DimensionWordNet $directory
        ($made | Measure-Object EntryCount -Sum).Sum | Should -Be 117659
        $made | ForEach-Object { Test-Path -LiteralPath $_.FilePath | Should -BeTrue }
        Open-DimensionStore $directory -WarningAction SilentlyContinue | Out-Null
        (Find-DimensionEntry joy).Text | Should -Not -BeNullOrEmpty
        (Find-DimensionEntry -Prefix aardv).Keyword | Should -Contain 'aardvark'
    }

    It 'imports nothing with -WhatIf' -Skip:(-not $hasWordNet) {
        $directory = Join-Path $TestDrive none
        Import-DimensionWordNet $directory -WhatIf | Should -BeNullOrEmpty
        Test-Path -LiteralPath $directory | Should -BeFalse
    }
}
