BeforeAll {
    . $PSScriptRoot/Support.ps1
    $session = Open-DimensionStore (New-SampleStore)
}
AfterAll { Close-DimensionStore -All }

Describe 'Get-Dimension' {
    It 'lists all dimensions in ascending order' {
        $all = Get-Dimension
        "$($all.Id)" | Should -Be 'D01 D02 D03 D04 D05 D06 D07 D08 D09 D10 D11 D12 D13 D14'
        "$($all[0].State) $($all[2].State)" | Should -Be 'Loaded Simulated'
        $all | Should -BeOfType DimensionStore.PowerShell.DimensionInfo
    }

    It 'finds <_>' -ForEach 'D02', 'd2', '2', 2 {
        (Get-Dimension $_).Name | Should -Be 'Cognition'
    }

    It 'finds by pattern, name and state' {
        "$((Get-Dimension 'd1?').Id)" | Should -Be 'D10 D11 D12 D13 D14'
        "$((Get-Dimension -Name emotion, 'C*').Id)" | Should -Be 'D01 D02 D08'
        "$((Get-Dimension -State Loaded).Id)" | Should -Be 'D01 D02'
        Get-Dimension 'X*' -ErrorAction Stop | Should -BeNullOrEmpty
        Get-Dimension -Name 'X*' -ErrorAction Stop | Should -BeNullOrEmpty
    }

    It 'takes ids and dimensions from the pipeline' {
        "$(('D01', 'D03' | Get-Dimension).Id)" | Should -Be 'D01 D03'
        "$((Get-Dimension D0[12]* -ErrorAction SilentlyContinue).Id)" | Should -Be 'D01 D02'
        (Get-Dimension D01 | Get-Dimension).Name | Should -Be 'Emotion'
    }

    It 'takes the dimensions in which entries were found' {
        (Find-DimensionEntry joyful | Get-Dimension).Id | Should -Be 'D01'
    }

    It 'shows the layers of dimensions that no command has used yet' {
        $fresh = Open-DimensionStore (New-TestDirectory) -WarningAction SilentlyContinue
        try { (Get-Dimension D01, D14 -Store $fresh).LayerCount | Should -Be 4, 4 }
        finally { Close-DimensionStore $fresh }
    }

    It 'looks a dimension from a pipeline up in its own store' {
        $other = Open-DimensionStore (New-TestDirectory) -WarningAction SilentlyContinue
        "$((Get-Dimension D01 -Store $session | Get-Dimension).State)" | Should -Be 'Loaded'
        Close-DimensionStore $other
    }

    It 'compares ids with texts' {
        (Get-Dimension D01).Id -eq 'D01' | Should -BeTrue
        (Get-Dimension D01).Id -lt (Get-Dimension D02).Id | Should -BeTrue
        (Get-Dimension D01).Length | Should -BeOfType long
    }

    It 'reports <Name>' -ForEach @(
        @{ Name = 'an unknown dimension'; Arguments = @{ Id = 'D77' }; Expected = 'DimensionNotFound'; Category = 'ObjectNotFound' }
        @{ Name = 'an unknown name'; Arguments = @{ Name = 'Nonsense' }; Expected = 'DimensionNotFound'; Category = 'ObjectNotFound' }
        @{ Name = 'what is no dimension'; Arguments = @{ Id = 'seven' }; Expected = 'InvalidDimensionId'; Category = 'InvalidArgument' }
    ) {
        Get-Dimension @Arguments -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be "$Expected,DimensionStore.PowerShell.GetDimensionCommand"
        $problem[0].CategoryInfo.Category | Should -Be $Category
    }

    It 'serves the others when one is unknown' {
        "$((Get-Dimension D01, D77, D02 -ErrorAction SilentlyContinue).Id)" | Should -Be 'D01 D02'
    }
}

Describe 'Get-Dimension without a store' {
    It 'says how to get one' {
        Get-DimensionStore | Close-DimensionStore
        try { Get-Dimension } catch { $record = $_ }
        $record.FullyQualifiedErrorId | Should -Be 'NoOpenStore,DimensionStore.PowerShell.GetDimensionCommand'
        $record.ErrorDetails.RecommendedAction | Should -BeLike '*Open-DimensionStore*'
    }
}
