BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Remove-ProtoDimension' {
    BeforeEach {
        Open-DimensionStore (New-SampleStore) | Out-Null
        $proto = New-ProtoDimension Notes
        'x' | Add-ProtoDimensionEntry $proto
    }
    AfterEach { Close-DimensionStore -All }

    It 'gives its memory back' {
        Remove-ProtoDimension $proto | Should -BeNullOrEmpty
        $proto.IsOpen | Should -BeFalse
        (Get-MemStats).PoolLiveBlocks | Should -Be 0
    }

    It 'takes names and the pipeline' {
        New-ProtoDimension Other | Out-Null
        Remove-ProtoDimension other
        Get-ProtoDimension | Remove-ProtoDimension
        Get-ProtoDimension | Should -BeNullOrEmpty
    }

    It 'removes nothing with -WhatIf' {
        Remove-ProtoDimension $proto -WhatIf
        $proto.EntryCount | Should -Be 1
    }

    It 'refuses to do it twice' {
        Remove-ProtoDimension $proto
        { Remove-ProtoDimension $proto } | Should -Throw -ErrorId 'ProtoDimensionClosed,DimensionStore.PowerShell.RemoveProtoDimensionCommand'
    }
}
