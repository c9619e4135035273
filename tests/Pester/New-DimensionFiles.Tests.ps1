BeforeAll {
    . $PSScriptRoot/Support.ps1
    $script = Join-Path $PSScriptRoot '../../data/New-DimensionFiles.ps1'
    function Get-Bytes([string] $File) { , [System.IO.File]::ReadAllBytes($File) }
}

Describe 'data/New-DimensionFiles.ps1' {
    BeforeEach { $directory = Join-Path $TestDrive "files [$([guid]::NewGuid().ToString('N'))]" }

    It 'makes the same bytes as the library does' {
        & $script -Destination $directory | Out-Null
        $set = New-DimensionSet (Join-Path (New-TestDirectory) set)

        $set.Count | Should -Be 14
        (Get-ChildItem -LiteralPath $directory).Count | Should -Be 14
        foreach ($file in $set) {
            $made = Join-Path $directory (Split-Path $file.FilePath -Leaf)
            [Convert]::ToHexString((Get-Bytes $made)) | Should -BeExactly ([Convert]::ToHexString((Get-Bytes $file.FilePath)))
        }
    }

    It 'stops at an existing file before it writes anything' {
        $null = New-Item -ItemType Directory -Path $directory
        [System.IO.File]::WriteAllText((Join-Path $directory D13.mmap), 'mine')
        { & $script -Destination $directory } | Should -Throw '*D13.mmap exists and is kept*'
        (Get-ChildItem -LiteralPath $directory).Name | Should -Be 'D13.mmap'
    }

    It 'replaces all but the immutable ones with -Force' {
        $null = New-Item -ItemType Directory -Path $directory
        'D09.mmap', 'D13.mmap' | ForEach-Object { [System.IO.File]::WriteAllText((Join-Path $directory $_), 'mine') }
        (& $script -Destination $directory -Force).Count | Should -Be 13
        [System.IO.File]::ReadAllText((Join-Path $directory D09.mmap)) | Should -Be 'mine'
        (Get-DimensionFile -LiteralPath (Join-Path $directory D13.mmap)).Name | Should -Be 'Balance'
    }

    It 'makes nothing with -WhatIf' {
        & $script -Destination $directory -WhatIf
        Test-Path -LiteralPath $directory | Should -BeFalse
    }
}
