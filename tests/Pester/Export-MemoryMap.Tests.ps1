BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Export-MemoryMap' {
    BeforeEach {
        $directory = New-TestDirectory
        New-MemoryAllocator pool mapped | Out-Null
        New-MemoryBlock 4KB -Count 5 -Owner 7 -Allocator mapped | Out-Null
    }
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'writes <_>, as well-formed XML' -ForEach 'map.svg', 'map.html' {
        $file = Export-MemoryMap (Join-Path $directory $_) -Allocator mapped
        $file | Should -BeOfType System.IO.FileInfo
        $xml = [xml](Get-Content -LiteralPath $file -Raw)
        $xml.DocumentElement.LocalName | Should -Be $file.Extension.TrimStart('.')
        $xml.OuterXml | Should -Match 'owner #7'
    }

    It 'writes the file as Get-Item does' {
        $file = Export-MemoryMap (Join-Path $directory 'a [1].svg') -Allocator mapped
        $same = Get-Item -LiteralPath (Join-Path $directory 'a [1].svg')
        $file.PSPath | Should -Be $same.PSPath
        $file.UnixMode | Should -Be $same.UnixMode
    }

    It 'speaks of files of any kind where the path is a directory' {
        $problem = try { Export-MemoryMap $directory -Allocator mapped } catch { $_ }
        $problem.FullyQualifiedErrorId | Should -Be 'PathIsDirectory,DimensionStore.PowerShell.ExportMemoryMapCommand'
        $problem.ErrorDetails.RecommendedAction | Should -Not -Match 'mmap'
    }

    It 'keeps what is there unless forced' {
        $path = Join-Path $directory map.svg
        Set-Content $path mine
        { Export-MemoryMap $path -Allocator mapped } | Should -Throw -ErrorId 'FileExists,DimensionStore.PowerShell.ExportMemoryMapCommand'
        Get-Content $path | Should -Be mine
        Export-MemoryMap $path -Allocator mapped -Force | Out-Null
        [xml](Get-Content $path -Raw) | Should -Not -BeNullOrEmpty
    }

    It 'writes nothing with -WhatIf' {
        Export-MemoryMap (Join-Path $directory map.svg) -Allocator mapped -WhatIf
        Get-ChildItem $directory | Should -BeNullOrEmpty
    }

    It 'refuses other names and missing directories' {
        { Export-MemoryMap (Join-Path $directory map.png) -Allocator mapped } | Should -Throw -ErrorId 'InvalidArgument,*'
        { Export-MemoryMap (Join-Path $directory none map.svg) -Allocator mapped } | Should -Throw -ErrorId 'PathNotFound,*'
        { Export-MemoryMap $directory -Allocator mapped } | Should -Throw -ErrorId 'PathIsDirectory,*'
        Get-ChildItem $directory | Should -BeNullOrEmpty
    }
}

Describe 'A file that is there already' {
    It 'is told of in the words of the module' {
        New-MemoryAllocator general kept | Out-Null
        $path = Join-Path (New-TestDirectory) m.svg
        Export-MemoryMap $path -Allocator kept | Out-Null
        $problem = $null
        try { Export-MemoryMap $path -Allocator kept } catch { $problem = $_ }
        Remove-MemoryAllocator kept
        $problem.FullyQualifiedErrorId | Should -Match '^FileExists,'
        "$problem" | Should -Not -Match 'overwriting'
        "$problem" | Should -Match 'm\.svg'
    }
}
