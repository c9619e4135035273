BeforeAll {
    . $PSScriptRoot/Support.ps1
    Open-DimensionStore (New-SampleStore) | Out-Null
    New-ProtoDimension 'My notes' | Out-Null
}
AfterAll { Close-DimensionStore -All }

Describe 'Completion' {
    It 'offers <Expected> for "<Line>"' -ForEach @(
        @{ Line = 'Get-Dimension D0'; Expected = 'D01 D02 D03 D04 D05 D06 D07 D08 D09' }
        @{ Line = 'Get-Dimension -Id emo'; Expected = 'D01' }
        @{ Line = 'Get-Dimension -Name Em'; Expected = 'Emotion' }
        @{ Line = 'Get-DimensionLayer D01, D1'; Expected = 'D10 D11 D12 D13 D14' }
        @{ Line = 'Get-DimensionContent D01'; Expected = 'D01:0 D01:1' }
        @{ Line = 'Get-DimensionContent D02:'; Expected = 'D02:2' }
        @{ Line = 'Mount-Dimension D13'; Expected = 'D13' }
        @{ Line = 'Find-DimensionEntry delig'; Expected = 'delight' }
        @{ Line = 'Find-DimensionEntry -LiteralKeyword what'; Expected = "'what?'" }
        @{ Line = 'Find-DimensionEntry c['; Expected = "'C[0]'" }
        @{ Line = "Find-DimensionEntry 'c["; Expected = "'C[0]'" }
        @{ Line = 'Find-DimensionEntry -Prefix "it'; Expected = "'it''s'" }
        @{ Line = 'Find-DimensionEntry -Id D02 -Keyword tho'; Expected = 'thought' }
        @{ Line = 'Find-DimensionEntry -Id D02 -Keyword deligh'; Expected = '' }
        @{ Line = 'New-DimensionFile x.mmap D09'; Expected = 'D09' }
        @{ Line = 'Add-ProtoDimensionEntry My'; Expected = "'My notes'" }
        @{ Line = 'Get-ProtoDimension '; Expected = "'My notes'" }
    ) {
        $offered = (Get-Completion $Line | Where-Object ResultType -EQ ParameterValue).CompletionText
        "$offered" | Should -Be $Expected
    }

    It 'tells in a tool tip what each is' {
        (Get-Completion 'Get-Dimension D01')[0].ToolTip | Should -BeLike 'D01 Emotion: Loaded, * bytes'
        (Get-Completion 'Find-DimensionEntry deli')[0].ToolTip | Should -BeLike '*A feeling of great pleasure.*'
        (Get-Completion 'New-DimensionFile x.mmap D09')[0].ToolTip | Should -BeLike '*immutable*'
    }

    It 'looks into the store that the line names' {
        $other = Open-DimensionStore (New-SampleStore)
        'x' | New-DimensionFile (Join-Path (New-TestDirectory) D33.mmap) D33 Other | Mount-Dimension -Store $other | Out-Null
        $script:chosen = Get-DimensionStore | Select-Object -First 1
        (Get-Completion 'Get-Dimension D3').CompletionText | Should -Be 'D33'
        $global:chosen = $script:chosen
        try { @(Get-Completion 'Get-Dimension -Store $global:chosen -Id D3' | Where-Object ResultType -EQ ParameterValue).Count | Should -Be 0 }
        finally { Remove-Variable chosen -Scope Global; Close-DimensionStore $other }
    }
}

Describe 'Completion of owners' {
    BeforeAll {
        New-MemoryAllocator segregated one | Out-Null
        New-MemoryAllocator pool two | Out-Null
        12, 13, 5 | ForEach-Object { New-MemoryBlock 100 -Owner $_ -Allocator one | Out-Null }
        New-MemoryBlock 100 -Owner 77 -Allocator two | Out-Null
    }
    AfterAll { Remove-MemoryAllocator one, two -WarningAction Ignore }

    It 'offers <Expected> for "<Line>"' -ForEach @(
        @{ Line = 'Get-MemoryOwner one '; Expected = '5 12 13' }
        @{ Line = 'Get-MemoryOwner one, two -Owner 12, 7'; Expected = '77' }
        @{ Line = 'Get-MemoryOwner -Name one -Owner 1'; Expected = '12 13' }
        @{ Line = 'Set-MemoryOwner two '; Expected = '77' }
        @{ Line = 'Clear-MemoryOwner o* 1'; Expected = '12 13' }
        @{ Line = 'Invoke-MemoryCollection one -Owner '; Expected = '5 12 13' }
        @{ Line = 'Get-MemoryBlock -Allocator two -Owner '; Expected = '77' }
        @{ Line = 'New-MemoryBlock 10 -Allocator one -Owner 5'; Expected = '5' }
        @{ Line = 'Get-MemoryOwner nobody '; Expected = '' }
    ) {
        $offered = (Get-Completion $Line | Where-Object ResultType -EQ ParameterValue).CompletionText
        "$offered" | Should -Be $Expected
    }

    It 'tells what each has' {
        (Get-Completion 'Get-MemoryOwner two ')[0].ToolTip | Should -Be '77: 1 blocks in use, 100 bytes'
    }
}

Describe 'Completion without a store' {
    It 'offers nothing and fails at nothing: <_>' -ForEach 'Get-Dimension D', 'Find-DimensionEntry j', 'Get-DimensionContent D', 'Add-ProtoDimensionEntry M' {
        Close-DimensionStore -All
        $before = $Error.Count
        Get-Completion $_ | Where-Object ToolTip -Like '*bytes*' | Should -BeNullOrEmpty
        $Error.Count | Should -Be $before
    }
}
