BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Close-DimensionStore' {
    AfterEach { Close-DimensionStore -All }

    It 'closes the default store and says nothing' {
        $session = Open-DimensionStore (New-SampleStore)
        Close-DimensionStore | Should -BeNullOrEmpty
        $session.IsOpen | Should -BeFalse
        $session.DimensionsLoaded | Should -Be 0
        Get-DimensionStore | Should -BeNullOrEmpty
    }

    It 'closes what Get-DimensionStore lists' {
        1..3 | ForEach-Object { Open-DimensionStore (New-SampleStore) | Out-Null }
        Get-DimensionStore | Close-DimensionStore
        Get-DimensionStore | Should -BeNullOrEmpty
    }

    It 'closes all of them with -All, and none is no error' {
        1..2 | ForEach-Object { Open-DimensionStore (New-SampleStore) | Out-Null }
        Close-DimensionStore -All
        Close-DimensionStore -All -ErrorAction Stop
        Get-DimensionStore | Should -BeNullOrEmpty
    }

    It 'closes nothing with -WhatIf' {
        $session = Open-DimensionStore (New-SampleStore)
        Close-DimensionStore -WhatIf
        Close-DimensionStore -All -WhatIf
        $session.IsOpen | Should -BeTrue
    }

    It 'reports that no store is open' {
        { Close-DimensionStore } | Should -Throw -ErrorId 'NoOpenStore,DimensionStore.PowerShell.CloseDimensionStoreCommand'
    }

    It 'reports a store that is closed already' {
        $session = Open-DimensionStore (New-SampleStore)
        $session | Close-DimensionStore
        $session | Close-DimensionStore -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be 'StoreClosed,DimensionStore.PowerShell.CloseDimensionStoreCommand'
    }

    It 'leaves every command on a closed store with an error that says so' {
        $session = Open-DimensionStore (New-SampleStore)
        $session | Close-DimensionStore
        foreach ($command in { Get-Dimension -Store $session }, { Find-DimensionEntry joy -Store $session }, { Get-MemStats -Store $session }, { New-MemoryBlock 1KB -Store $session }) {
            $command | Should -Throw -ErrorId 'StoreClosed,*'
        }
    }

    It 'lets the file of a closed store be replaced and opened anew' {
        $directory = New-SampleStore
        Open-DimensionStore $directory | Close-DimensionStore
        'other' | New-DimensionFile (Join-Path $directory D01.mmap) D01 -Keywords k -Force | Out-Null
        Open-DimensionStore $directory | Out-Null
        (Find-DimensionEntry k).Text | Should -Be 'other'
    }
}
