BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Get-DimensionStore' {
    AfterEach { Close-DimensionStore -All }

    It 'lists open stores in the order of opening' {
        $first = Open-DimensionStore (New-SampleStore)
        $second = Open-DimensionStore (New-SampleStore)
        (Get-DimensionStore).BasePath | Should -Be $first.BasePath, $second.BasePath
        (Get-DimensionStore -Default).Number | Should -Be $second.Number
    }

    It 'finds a store by its directory' {
        $first = Open-DimensionStore (New-SampleStore)
        Open-DimensionStore (New-SampleStore) | Out-Null
        (Get-DimensionStore $first.BasePath).Number | Should -Be $first.Number
        (Get-DimensionStore "$($first.BasePath)/").Number | Should -Be $first.Number
        (Get-DimensionStore '*').Count | Should -Be 2
        Get-DimensionStore '*nothing*' -ErrorAction Stop | Should -BeNullOrEmpty
    }

    It 'reports a directory that no open store has' {
        Get-DimensionStore (New-TestDirectory) -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'StoreNotFound,DimensionStore.PowerShell.GetDimensionStoreCommand'
    }

    It 'reports that there is no default store' {
        { Get-DimensionStore -Default } | Should -Throw -ErrorId 'NoOpenStore,*'
    }
}
