BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Test-DimensionFile' {
    BeforeEach {
        $store = New-SampleStore
        $file = Join-Path $store D01.mmap
    }

    It 'finds whole files whole' {
        $tests = Test-DimensionFile (Join-Path $store *.mmap)
        $tests.Count | Should -Be 2
        $tests | Should -BeOfType DimensionStore.PowerShell.DimensionFileTest
        $tests.IsValid | Should -Be $true, $true
        $tests[0].Error | Should -BeNullOrEmpty
        $tests[0].Checks | Should -Contain 'header'
        $tests[0].BytesRead | Should -BeGreaterThan 0
    }

    It 'finds a changed byte at <Name> and names the rule' -ForEach @(
        @{ Name = 'the magic'; Offset = 84; Expected = 'BadMagic' }
        @{ Name = 'the name'; Offset = 8; Expected = 'HeaderChecksum' }
        @{ Name = 'a layer'; Offset = { (Get-DimensionFile -LiteralPath $file).Layers[0].ContentOffset }; Expected = 'LayerChecksum' }
        @{ Name = 'the index'; Offset = { (Get-DimensionFile -LiteralPath $file).Descriptor.IndexOffset + 64 }; Expected = 'IndexChecksum' }
    ) {
        $at = $Offset -is [scriptblock] ? (& $Offset) : $Offset
        Set-Byte $file $at 0x7A
        $test = Test-DimensionFile -LiteralPath $file -ErrorAction Stop
        $test.IsValid | Should -BeFalse
        "$($test.Error)" | Should -Be $Expected
        $test.Message | Should -BeLike "*$Expected*expected*"
        Test-DimensionFile -LiteralPath $file -Quiet | Should -BeFalse
    }

    It 'finds a truncated file broken' {
        $stream = [System.IO.File]::OpenWrite($file); $stream.SetLength($stream.Length - 1); $stream.Dispose()
        "$((Test-DimensionFile -LiteralPath $file).Error)" | Should -Be 'Truncated'
    }

    It 'answers one Boolean per file with -Quiet' {
        $answers = Get-ChildItem -LiteralPath $store | Test-DimensionFile -Quiet
        $answers | Should -BeOfType bool
        $answers | Should -Be $true, $true
    }

    It 'finds a seal that was tampered with' {
        $sealed = Join-Path $store D14.mmap
        'x' | New-DimensionFile $sealed D14 | Out-Null
        (Test-DimensionFile -LiteralPath $sealed).Checks | Should -Contain 'seal'
        Set-Byte $sealed 175 0x55
        (Test-DimensionFile -LiteralPath $sealed).IsValid | Should -BeFalse
    }

    It 'reports what is not there as an error, not as a broken file' {
        Test-DimensionFile (Join-Path $store none.mmap) -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Be 'PathNotFound,DimensionStore.PowerShell.TestDimensionFileCommand'
    }
}
