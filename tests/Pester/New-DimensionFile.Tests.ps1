BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'New-DimensionFile' {
    BeforeEach {
        $directory = New-TestDirectory
        $file = Join-Path $directory D01.mmap
    }
    AfterEach { Close-DimensionStore -All }

    It 'makes a file of objects and describes it' {
        $made = [pscustomobject]@{ Layer = 1; Keywords = 'joy', 'delight'; Content = 'A feeling.' } | New-DimensionFile $file D01
        $made | Should -BeOfType DimensionStore.PowerShell.DimensionFileInfo
        "$($made.Id)" | Should -Be 'D01'
        $made.Name | Should -Be 'Emotion'
        $made.EntryCount | Should -Be 1
        $made.FilePath | Should -Be $file
        $made.Length | Should -Be (Get-Item -LiteralPath $file).Length
        $made.Layers.Layer | Should -Be 1
        $made.Layers[0].Keywords | Should -Be 'joy', 'delight'
        Test-DimensionFile $file -Quiet | Should -BeTrue
    }

    It 'takes the id as <_>' -ForEach 'D01', 'd1', '1', 1 {
        "$(('x' | New-DimensionFile $file $_).Id)" | Should -Be 'D01'
    }

    It 'takes rows of Import-Csv' {
        $csv = Join-Path $directory rows.csv
        Set-Content -LiteralPath $csv 'Layer,Keywords,Content', '0,joy;delight,"A feeling, great"', '3, sad ;; blue ,Not joy'
        $made = Import-Csv -LiteralPath $csv | New-DimensionFile $file D01
        $made.EntryCount | Should -Be 2
        $made.Layers.Layer | Should -Be 0, 3
        $made.Layers[1].Keywords | Should -Be 'sad', 'blue'
        Open-DimensionStore $directory -NoSimulation | Out-Null
        (Find-DimensionEntry delight).Text | Should -Be 'A feeling, great'
    }

    It 'takes files, bracketed names among them, with their names as keywords' {
        $source = New-TestDirectory
        Set-Content -LiteralPath (Join-Path $source 'runbook [a].txt') 'Restart it.' -NoNewline
        Set-Content -LiteralPath (Join-Path $source 'second.txt') 'Look at the logs.' -NoNewline
        (Get-ChildItem -LiteralPath $source -File | New-DimensionFile $file D01).EntryCount | Should -Be 2
        Open-DimensionStore $directory -NoSimulation | Out-Null
        (Find-DimensionEntry 'runbook [a]').Text | Should -Be 'Restart it.'
        (Find-DimensionEntry second).Text | Should -Be 'Look at the logs.'
    }

    It 'takes objects that name a file' {
        Set-Content -LiteralPath (Join-Path $directory note.txt) 'From a file.' -NoNewline
        Push-Location -LiteralPath $directory
        try { [pscustomobject]@{ Path = 'note.txt'; Layer = 2; Keywords = 'n' } | New-DimensionFile $file D01 | Out-Null }
        finally { Pop-Location }
        Open-DimensionStore $directory -NoSimulation | Out-Null
        (Find-DimensionEntry n).Text | Should -Be 'From a file.'
    }

    It 'takes texts, with layer and keywords from the command line' {
        'one', 'two' | New-DimensionFile $file D01 -Layer 2 -Keywords a, b | Out-Null
        Open-DimensionStore $directory -NoSimulation | Out-Null
        (Find-DimensionEntry a).Text | Should -Be 'one', 'two'
        (Find-DimensionEntry b).Layer | Should -Be 2, 2
    }

    It 'takes byte arrays and single bytes alike' {
        $bytes = [byte[]](0, 1, 255, 128)
        , $bytes | New-DimensionFile $file D01 -Keywords k | Out-Null
        $bytes | New-DimensionFile (Join-Path $directory D02.mmap) D02 -Keywords k | Out-Null
        Open-DimensionStore $directory -NoSimulation | Out-Null
        $found = @(Find-DimensionEntry k -Id D01, D02)
        $found.Count | Should -Be 2
        $found[0].Content | Should -Be $bytes
        $found[1].Content | Should -Be $bytes
    }

    It 'takes hashtables' {
        @{ layer = 1; KEYWORDS = 'k'; content = 'text' } | New-DimensionFile $file D01 | Out-Null
        Open-DimensionStore $directory -NoSimulation | Out-Null
        (Find-DimensionEntry k).Text | Should -Be 'text'
    }

    It 'takes -InputObject without a pipeline' {
        (New-DimensionFile $file D01 -Content 'text' -Keywords k).EntryCount | Should -Be 1
    }

    It 'takes what Find-DimensionEntry finds' {
        Open-DimensionStore (New-SampleStore) | Out-Null
        Find-DimensionEntry joy -Id D01 | New-DimensionFile (Join-Path $directory D03.mmap) D03 | Out-Null
        Close-DimensionStore
        Open-DimensionStore $directory -NoSimulation | Out-Null
        (Find-DimensionEntry joy -Id D03).Text | Should -Be 'A feeling of great pleasure.'
    }

    It 'follows -LayerSetting, -Frequency and -Codec' {
        $made = [pscustomobject]@{ Content = 'x' * 1000 }, [pscustomobject]@{ Layer = 1; Keywords = 'k'; Content = 'y' * 1000 } | New-DimensionFile $file D01 -Frequency 2.5 -Codec Brotli -LayerSetting @{ 1 = @{ Frequency = 7.5; Depth = 9; Keywords = 'named', 'layer'; Codec = 'ZLib' } }
        $made.Layers.Layer | Should -Be 0, 1
        $made.Layers.Frequency | Should -Be 2.5, 7.5
        $made.Layers.Depth | Should -Be 0, 9
        $made.Layers.Codec | Should -Be 'Brotli', 'ZLib'
        $made.Layers[1].Keywords | Should -Be 'named', 'layer'
        $made.Layers[0].ContentSize | Should -BeLessThan 1000
        $made.Layers[0].UncompressedSize | Should -Be 1000
    }

    It 'stores layers with <_>, where the system has its library' -ForEach 'Lz4', 'Zstd' {
        if (-not [DimensionStore.LayerCodecs]::IsAvailable($_)) {
            Set-ItResult -Skipped -Because "the system has no library for $_"
            return
        }
        $made = [pscustomobject]@{ Keywords = 'k'; Content = 'x' * 1000 } | New-DimensionFile $file D01 -Codec $_
        $made.Layers.Codec | Should -Be $_
        $made.Layers.ContentSize | Should -BeLessThan 1000
        (Test-DimensionFile $file).IsValid | Should -BeTrue
    }

    It 'names the library that is missing, and writes nothing' {
        $hidden = [DimensionStore.Memory.MemoryAllocator].Assembly.GetType('DimensionStore.Memory.Native.NativeFaults').GetProperty('HideLibraries', [Reflection.BindingFlags]'NonPublic, Static')
        $hidden.SetValue($null, $true)
        try {
            { [pscustomobject]@{ Content = 'x' } | New-DimensionFile $file D01 -Codec Zstd -ErrorAction Stop } | Should -Throw -ExpectedMessage '*libzstd*' -ErrorId 'CodecUnavailable,*'
        }
        finally {
            $hidden.SetValue($null, $false)
        }
        $file | Should -Not -Exist
    }

    It 'makes no plain file of an immutable dimension, which no store would take' -ForEach 'D09', 'D14' {
        { 'x' | New-DimensionFile $file $_ -Plain -ErrorAction Stop } | Should -Throw -ExpectedMessage '*seal*' -ErrorId 'InvalidArgument,*'
        $file | Should -Not -Exist
    }

    It 'makes a plain file with -Plain' {
        $made = 'x' | New-DimensionFile $file D01 -Plain
        $made.IsPlain | Should -BeTrue
        $made.HasIndex | Should -BeFalse
    }

    It 'seals immutable dimensions and keeps them, -Force or not' {
        $sealed = Join-Path $directory D09.mmap
        ('x' | New-DimensionFile $sealed D09).IsSealed | Should -BeTrue
        $before = (Get-FileHash -LiteralPath $sealed).Hash
        { 'y' | New-DimensionFile $sealed D09 -Force } | Should -Throw -ErrorId 'ImmutableDimension,DimensionStore.PowerShell.NewDimensionFileCommand'
        { 'y' | New-DimensionFile $sealed D01 -Force } | Should -Throw -ErrorId 'ImmutableDimension,DimensionStore.PowerShell.NewDimensionFileCommand'
        (Get-FileHash -LiteralPath $sealed).Hash | Should -Be $before
    }

    It 'keeps an existing file without -Force and replaces it with it' {
        'old' | New-DimensionFile $file D01 -Keywords k | Out-Null
        { 'new' | New-DimensionFile $file D01 } | Should -Throw -ErrorId 'FileExists,DimensionStore.PowerShell.NewDimensionFileCommand'
        'newer' | New-DimensionFile $file D01 -Keywords k -Force | Out-Null
        Open-DimensionStore $directory -NoSimulation | Out-Null
        (Find-DimensionEntry k).Text | Should -Be 'newer'
    }

    It 'changes nothing with -WhatIf, not even with -Force' {
        'old' | New-DimensionFile $file D01 | Out-Null
        $before = (Get-FileHash -LiteralPath $file).Hash
        'new' | New-DimensionFile $file D01 -Force -WhatIf | Should -BeNullOrEmpty
        'new' | New-DimensionFile (Join-Path $directory D02.mmap) D02 -WhatIf
        (Get-FileHash -LiteralPath $file).Hash | Should -Be $before
        (Get-ChildItem -LiteralPath $directory -Force).Name | Should -Be 'D01.mmap'
    }

    It 'takes a destination with brackets literally' {
        $odd = Join-Path $directory 'a[1].mmap'
        ('x' | New-DimensionFile $odd D01).FilePath | Should -Be $odd
        Test-Path -LiteralPath $odd | Should -BeTrue
    }

    It 'resolves paths relative to the location of PowerShell' {
        Push-Location -LiteralPath $directory
        try { 'x' | New-DimensionFile D04.mmap D04 | Out-Null } finally { Pop-Location }
        Test-Path -LiteralPath (Join-Path $directory D04.mmap) | Should -BeTrue
    }

    It 'refuses <Name> as a whole and leaves no file' -ForEach @(
        @{ Name = 'a layer above 3'; Value = [pscustomobject]@{ Layer = 4; Content = 'x' } }
        @{ Name = 'a layer that is no number'; Value = [pscustomobject]@{ Layer = 'top'; Content = 'x' } }
        @{ Name = 'no content'; Value = [pscustomobject]@{ Layer = 1; Keywords = 'k' } }
        @{ Name = 'a list as content'; Value = [pscustomobject]@{ Content = 'a', 'b' } }
        @{ Name = 'null'; Value = $null }
        @{ Name = 'a keyword that is too long'; Value = [pscustomobject]@{ Keywords = , ('k' * 5000); Content = 'x' } }
        @{ Name = 'a directory'; Value = [System.IO.DirectoryInfo]::new('/') }
    ) {
        { 'good', $Value | New-DimensionFile $file D01 } | Should -Throw -ErrorId 'InvalidEntry,DimensionStore.PowerShell.NewDimensionFileCommand'
        Get-ChildItem -LiteralPath $directory -Force | Should -BeNullOrEmpty
    }

    It 'warns of a file that a store will refuse for its size' {
        $fits = [byte[]]::new(4MB - 64KB)
        , $fits | New-DimensionFile (Join-Path $directory fits.mmap) D14 -WarningVariable warning -WarningAction SilentlyContinue | Out-Null
        $warning | Should -BeNullOrEmpty
        , ([byte[]]::new(4MB)) | New-DimensionFile (Join-Path $directory large.mmap) D14 -WarningVariable warning -WarningAction SilentlyContinue | Out-Null
        $warning | Should -BeLike '*4*194*304*refuse*'
    }

    It 'names the object that is no entry' {
        { 'one', [pscustomobject]@{ Content = 'x'; Keywords = 'a', '' } | New-DimensionFile $file D01 } | Should -Throw '*Input object 2*keyword is empty*'
        { 'one', 'two', [pscustomobject]@{ Content = 'x'; Layer = 9 } | New-DimensionFile $file D01 } | Should -Throw '*Input object 3*9*0, 1, 2 or 3*'
    }

    It 'refuses <Name>' -ForEach @(
        @{ Name = 'a wrong id'; Id = 'Emotion'; Extra = @{}; Expected = 'InvalidDimensionId' }
        @{ Name = 'D15 without a name'; Id = 'D15'; Extra = @{}; Expected = 'NameRequired' }
        @{ Name = 'a layer setting that is no table'; Id = 'D01'; Extra = @{ LayerSetting = @{ 0 = 4.5 } }; Expected = 'InvalidLayerSetting' }
        @{ Name = 'a layer setting for layer 4'; Id = 'D01'; Extra = @{ LayerSetting = @{ 4 = @{} } }; Expected = 'InvalidLayerSetting' }
        @{ Name = 'an unknown layer setting'; Id = 'D01'; Extra = @{ LayerSetting = @{ 0 = @{ Colour = 'red' } } }; Expected = 'InvalidLayerSetting' }
        @{ Name = 'a negative frequency'; Id = 'D01'; Extra = @{ LayerSetting = @{ 0 = @{ Frequency = -1 } } }; Expected = 'InvalidLayerSetting' }
        @{ Name = 'a name that is too long'; Id = 'D01'; Extra = @{ Name = 'n' * 65 }; Expected = 'InvalidArgument' }
        @{ Name = 'a directory as file'; Id = 'D01'; Extra = @{ Path = [System.IO.Path]::GetTempPath() }; Expected = 'PathIsDirectory' }
        @{ Name = 'another provider'; Id = 'D01'; Extra = @{ Path = 'env:thing' }; Expected = 'PathNotFileSystem' }
    ) {
        $arguments = @{ Path = $file; Id = $Id } + ($Extra.ContainsKey('Path') ? @{} : $Extra)
        if ($Extra.ContainsKey('Path')) { $arguments.Path = $Extra.Path }
        { 'x' | New-DimensionFile @arguments } | Should -Throw -ErrorId "$Expected,DimensionStore.PowerShell.NewDimensionFileCommand"
    }

    It 'says what to do' {
        'x' | New-DimensionFile $file D01 | Out-Null
        try { 'x' | New-DimensionFile $file D01 } catch { $record = $_ }
        $record.CategoryInfo.Category | Should -Be ResourceExists
        $record.TargetObject | Should -Be $file
        $record.ErrorDetails.RecommendedAction | Should -BeLike '*-Force*'
    }

    It 'leaves nothing behind when the pipeline fails upstream' {
        { & { 'x'; throw 'upstream' } | New-DimensionFile $file D01 } | Should -Throw upstream
        Get-ChildItem -LiteralPath $directory -Force | Should -BeNullOrEmpty
    }

    It 'stops early and leaves nothing behind when its output is not wanted' {
        'x' | New-DimensionFile $file D01 | Select-Object -First 0
        @(Get-ChildItem -LiteralPath $directory -Force -Filter '*.tmp').Count | Should -Be 0
    }

    It 'takes 20,000 entries in one pipeline' {
        (1..20000 | ForEach-Object { [pscustomobject]@{ Layer = $_ % 4; Keywords = "key$_"; Content = "content $_" } } | New-DimensionFile $file D01).EntryCount | Should -Be 20000
        Open-DimensionStore $directory -NoSimulation | Out-Null
        (Find-DimensionEntry key19999).Text | Should -Be 'content 19999'
    }
}
