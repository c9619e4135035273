BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Get-ProtoDimension' {
    BeforeEach {
        Open-DimensionStore (New-SampleStore) | Out-Null
        New-ProtoDimension Notes | Out-Null
        New-ProtoDimension Names | Out-Null
    }
    AfterEach { Close-DimensionStore -All }

    It 'lists what is open, by name and pattern' {
        (Get-ProtoDimension).Name | Should -Be 'Notes', 'Names'
        (Get-ProtoDimension notes).Name | Should -Be 'Notes'
        (Get-ProtoDimension 'n*').Count | Should -Be 2
        Get-ProtoDimension 'x*' -ErrorAction Stop | Should -BeNullOrEmpty
    }

    It 'counts live' {
        $proto = Get-ProtoDimension Notes
        'a', 'b' | Add-ProtoDimensionEntry $proto
        $proto.EntryCount | Should -Be 2
        $proto.PoolBytes | Should -BeGreaterThan 0
    }

    It 'no longer lists what was removed' {
        Remove-ProtoDimension Notes
        (Get-ProtoDimension).Name | Should -Be 'Names'
    }

    It 'reports a name that is not there' {
        Get-ProtoDimension Other -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'DimensionNotFound,DimensionStore.PowerShell.GetProtoDimensionCommand'
    }
}
