BeforeAll {
    . $PSScriptRoot/Support.ps1
    $store = New-SampleStore
}

Describe 'Get-DimensionFile' {
    It 'describes files by pattern, in order' {
        $found = Get-DimensionFile (Join-Path $store *.mmap)
        "$($found.Id)" | Should -Be 'D01 D02'
        $found[0].Name | Should -Be 'Emotion'
        $found[0].Layers.Count | Should -Be 2
        $found[0].HasIndex | Should -BeTrue
        $found[0].EntryCount | Should -BeNullOrEmpty
        $found[0].Length | Should -BeOfType long
    }

    It 'takes files from Get-ChildItem' {
        (Get-ChildItem -LiteralPath $store -File | Get-DimensionFile).Count | Should -Be 2
    }

    It 'takes its own output' {
        (Get-DimensionFile (Join-Path $store D01.mmap) | Get-DimensionFile).Name | Should -Be 'Emotion'
    }

    It 'finds bracketed names by -LiteralPath, not by pattern' {
        $odd = Join-Path (New-TestDirectory) 'x[1].mmap'
        'x' | New-DimensionFile $odd D03 | Out-Null
        (Get-DimensionFile -LiteralPath $odd).Name | Should -Be 'Intention'
        Get-DimensionFile $odd -ErrorAction Stop | Should -BeNullOrEmpty
        (Get-Item -LiteralPath $odd | Get-DimensionFile).Name | Should -Be 'Intention'
    }

    It 'reports one bad file and serves the others' {
        $directory = New-TestDirectory
        Copy-Item -LiteralPath (Join-Path $store D01.mmap) $directory
        Set-Content -LiteralPath (Join-Path $directory D00.mmap) 'no dimension file'
        $found = Get-DimensionFile (Join-Path $directory *.mmap) -ErrorVariable problems -ErrorAction SilentlyContinue
        $found.Name | Should -Be 'Emotion'
        $problems.Count | Should -Be 1
        $problems[0].FullyQualifiedErrorId | Should -Be 'InvalidFileFormat,DimensionStore.PowerShell.GetDimensionFileCommand'
        $problems[0].CategoryInfo.Category | Should -Be InvalidData
        $problems[0].Exception.Error | Should -Be 'TooShort'
    }

    It 'reports <Name>' -ForEach @(
        @{ Name = 'a name that is not there'; Path = 'nothing-here.mmap'; Expected = 'PathNotFound'; Category = 'ObjectNotFound' }
        @{ Name = 'a drive that is not there'; Path = 'nodrive:\x.mmap'; Expected = 'PathNotFound'; Category = 'ObjectNotFound' }
        @{ Name = 'another provider'; Path = 'env:PATH'; Expected = 'PathNotFileSystem'; Category = 'InvalidArgument' }
        @{ Name = 'a directory'; Path = '.'; Expected = 'PathIsDirectory'; Category = 'InvalidArgument' }
    ) {
        foreach ($arguments in @{ Path = $Path }, @{ LiteralPath = $Path }) {
            Get-DimensionFile @arguments -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
            $problem[0].FullyQualifiedErrorId | Should -Be "$Expected,DimensionStore.PowerShell.GetDimensionFileCommand"
            $problem[0].CategoryInfo.Category | Should -Be $Category
            $problem[0].ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        }
    }

    It 'is silent when a pattern matches nothing' {
        Get-DimensionFile (Join-Path $store 'Q*.mmap') -ErrorAction Stop | Should -BeNullOrEmpty
    }
}
