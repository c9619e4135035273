BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'New-ProtoDimension' {
    BeforeEach { Open-DimensionStore (New-SampleStore) | Out-Null }
    AfterEach { Close-DimensionStore -All }

    It 'begins a proto-dimension' {
        $proto = New-ProtoDimension Notes
        $proto | Should -BeOfType DimensionStore.PowerShell.ProtoDimensionInfo
        $proto.Name | Should -Be 'Notes'
        $proto.IsOpen | Should -BeTrue
        $proto.EntryCount | Should -Be 0
        $proto.IsUserSpecific | Should -BeFalse
        (New-ProtoDimension Mine -UserSpecific).IsUserSpecific | Should -BeTrue
    }

    It 'gives its layers frequency and depth' {
        $proto = New-ProtoDimension Notes -Frequency 2.5 -LayerSetting @{ 1 = @{ Frequency = 7.5; Depth = 8 } }
        [pscustomobject]@{ Layer = 0; Content = 'a' }, [pscustomobject]@{ Layer = 1; Content = 'b' } | Add-ProtoDimensionEntry $proto
        $layers = Complete-ProtoDimension $proto | Get-DimensionLayer
        $layers.Frequency | Should -Be 2.5, 7.5
        $layers[1].Depth | Should -Be 8
    }

    It 'begins nothing with -WhatIf' {
        New-ProtoDimension Notes -WhatIf | Should -BeNullOrEmpty
        Get-ProtoDimension | Should -BeNullOrEmpty
    }

    It 'refuses a name that no file can hold' {
        { New-ProtoDimension ('n' * 65) } | Should -Throw -ErrorId 'InvalidArgument,DimensionStore.PowerShell.NewProtoDimensionCommand'
        Get-ProtoDimension | Should -BeNullOrEmpty
    }

    It 'needs a store' {
        Close-DimensionStore -All
        { New-ProtoDimension Notes } | Should -Throw -ErrorId 'NoOpenStore,DimensionStore.PowerShell.NewProtoDimensionCommand'
    }
}
