BeforeDiscovery {
    $views = @(
        @{ Name = 'files'; Make = { Get-DimensionFile (Join-Path $directory *.mmap) }; Header = 'Id', 'Name', 'Length', 'Layers', 'Kind', 'File'; Text = 'D01 +Emotion .* 2 +indexed' }
        @{ Name = 'file tests'; Make = { Test-DimensionFile (Join-Path $directory *.mmap) }; Header = 'Valid', 'Id', 'Error', 'Offset', 'Read', 'File'; Text = 'True +D01' }
        @{ Name = 'stores'; Make = { Get-DimensionStore }; Header = 'No', 'Open', 'Default', 'Loaded', 'Simulated', 'BasePath'; Text = 'True +True +2 +12' }
        @{ Name = 'dimensions'; Make = { Get-Dimension }; Header = 'Id', 'Name', 'State', 'Layers', 'Length', 'File'; Text = 'D03 +Intention +Simulated' }
        @{ Name = 'layers'; Make = { Get-DimensionLayer D01 }; Header = 'LayerId', 'Name', 'Depth', 'Hz', 'Length', 'Keywords'; Text = 'D01:0 +Emotion +3 +4\.5 +40 joy, delight' }
        @{ Name = 'entries'; Make = { Find-DimensionEntry joyful -Id D01 }; Header = 'Keyword', 'LayerId', 'Source', 'Text'; Text = 'Joyful +D01:0 +file +Full of joy\.' }
        @{ Name = 'contexts'; Make = { Get-DimensionContext D01:0, D01:1 }; Header = 'LayerId', 'Name', 'Hz', 'Dominant', 'Source', 'Text'; Text = 'D01:0 +Emotion +4\.5 True +file +A feeling' }
        @{ Name = 'proto-dimensions'; Make = { Get-ProtoDimension }; Header = 'Name', 'Open', 'Entries', 'PoolBytes', 'User'; Text = 'Notes +True +1' }
        @{ Name = 'blocks'; Make = { Get-MemoryBlock -Owner 7 }; Header = 'Address', 'Size', 'Usable', 'Owner', 'Live', 'Age'; Text = '0x[0-9a-f]+ +4,096 +4,096 +7 +True' }
        @{ Name = 'blocks with their age'; Make = { $made = New-MemoryBlock 4KB -Owner 8; Remove-MemoryBlock $made; $made }; Header = 'Address', 'Size', 'Usable', 'Owner', 'Live', 'Age'; Text = '8 +False +0\.00:00:\d\d' }
        @{ Name = 'statistics'; Make = { Get-MemStats }; Header = 'Allocated', 'Limit', 'Percent', 'Pressure', 'Dimensions', 'BasePath'; Text = '293,601,280 .*Normal +2 loaded, 12 simulated' }
        @{ Name = 'allocators'; Make = { Get-MemStats -Allocator 'pool of*' }; Header = 'Blocks', 'Live', 'Committed', 'External', 'Internal', 'Name'; Text = '1 +4,096|2 +[0-9,]+' }
        @{ Name = 'maps'; Make = { Get-MemoryMap }; Header = 'Blocks', 'Live', 'Committed', 'FreeRuns', 'Longest', 'Name'; Text = ' pool of' }
        @{ Name = 'layers of a file'; Make = { (Get-DimensionFile (Join-Path $directory D01.mmap)).Layers }; Header = 'Layer', 'Depth', 'Hz', 'Size', 'Codec', 'Keywords'; Text = '0 +3 +4\.5 +40 +None +joy, delight' }
        @{ Name = 'pools'; Make = { (Get-MemStats).Pools }; Header = 'Block', 'Capacity', 'Committed', 'LiveBlocks'; Text = '4,096 +33,554,432' }
    )
    $cases = foreach ($view in $views) { foreach ($width in 80, 120) { $view + @{ Width = $width } } }
}
BeforeAll {
    . $PSScriptRoot/Support.ps1
    $directory = New-SampleStore
    Open-DimensionStore $directory | Out-Null
    New-MemoryBlock 4KB -Owner 7 | Out-Null
    'x' | Add-ProtoDimensionEntry (New-ProtoDimension Notes)
}
AfterAll { Close-DimensionStore -All }

Describe 'The table of <Name> at <Width> columns' -ForEach $cases {
    It 'shows its columns, fits, and shows what matters' {
        $rendered = & $Make | Out-String -Width $Width
        $plain = [System.Management.Automation.Internal.StringDecorated]::new($rendered).ToString('PlainText')
        $lines = $plain -split '\r?\n' | Where-Object { $_ }
        $lines[0] -split '\s+' | Where-Object { $_ } | Should -Be $Header
        $lines | Where-Object { $_.TrimEnd().Length -gt $Width } | Should -BeNullOrEmpty
        $lines -join "`n" | Should -Match $Text
    }
}

Describe 'All properties' {
    It 'are there with Format-List *' {
        $plain = [System.Management.Automation.Internal.StringDecorated]::new((Get-MemStats | Format-List * | Out-String)).ToString('PlainText')
        $plain | Should -Match 'AvgAccessLatencyUs\s+:'
        $plain | Should -Match 'EvictionCount\s+:'
    }

    It 'stay numbers behind a formatted table' {
        (Get-Dimension D01).Length + 1 | Should -BeOfType long
    }
}
