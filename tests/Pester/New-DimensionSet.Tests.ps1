BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'New-DimensionSet' {
    BeforeEach { $directory = Join-Path $TestDrive "set [$([guid]::NewGuid().ToString('N'))]" }
    AfterEach { Close-DimensionStore -All }

    It 'makes the fourteen core dimensions, each with four layers, in a directory that it makes' {
        $made = New-DimensionSet $directory
        $made.Count | Should -Be 14
        "$($made[0].Id) $($made[13].Id)" | Should -Be 'D01 D14'
        $made | ForEach-Object { $_.Layers.Count } | Select-Object -Unique | Should -Be 4
        $made | ForEach-Object { $_.EntryCount | Should -BeGreaterThan 0 }
        Get-ChildItem -LiteralPath $directory | Test-DimensionFile -Quiet | Select-Object -Unique | Should -BeTrue
    }

    It 'refuses existing files without -Force, and keeps immutable ones with it' {
        New-DimensionSet $directory | Out-Null
        { New-DimensionSet $directory } | Should -Throw -ErrorId 'FileExists,DimensionStore.PowerShell.NewDimensionSetCommand'
        $again = New-DimensionSet $directory -Force
        "$(($again | Where-Object WasKept).Id)" | Should -Be 'D09 D14'
    }

    It 'makes nothing with -WhatIf' {
        New-DimensionSet $directory -WhatIf | Should -BeNullOrEmpty
        Test-Path -LiteralPath $directory | Should -BeFalse
    }

    It 'reports a catalog that is <Name>' -ForEach @(
        @{ Name = 'not JSON'; Text = 'Layer,Keywords'; Expected = 'InvalidCatalog' }
        @{ Name = 'of another form'; Text = '{"dimensions": 7}'; Expected = 'InvalidCatalog' }
        @{ Name = 'not there'; Text = $null; Expected = 'PathNotFound' }
    ) {
        $catalog = Join-Path (New-TestDirectory) catalog.json
        if ($null -ne $Text) { Set-Content -LiteralPath $catalog $Text }
        { New-DimensionSet $directory -CatalogPath $catalog } | Should -Throw -ErrorId "$Expected,DimensionStore.PowerShell.NewDimensionSetCommand"
        Test-Path -LiteralPath $directory | Should -BeFalse
    }

    It 'refuses a file as destination' {
        $file = New-Item -ItemType File -Path (Join-Path (New-TestDirectory) file)
        { New-DimensionSet $file.FullName } | Should -Throw -ErrorId 'PathIsNotDirectory,DimensionStore.PowerShell.NewDimensionSetCommand'
    }
}
