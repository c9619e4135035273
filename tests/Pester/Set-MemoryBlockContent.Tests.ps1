BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Set-MemoryBlockContent' {
    BeforeEach {
        Open-DimensionStore (New-SampleStore) | Out-Null
        $block = New-MemoryBlock 16 -Zeroed
    }
    AfterEach { Close-DimensionStore -All }

    It 'writes <Name>' -ForEach @(
        @{ Name = 'a text'; Value = 'é!'; Expected = 195, 169, 33 }
        @{ Name = 'bytes'; Value = [byte[]](1, 2, 3); Expected = 1, 2, 3 }
        @{ Name = 'a list of numbers'; Value = 1, 2, 255; Expected = 1, 2, 255 }
    ) {
        Set-MemoryBlockContent $block $Value | Should -BeNullOrEmpty
        (Get-MemoryBlockContent $block -Count 3) | Should -Be $Expected
    }

    It 'writes at an offset and to several blocks, with -PassThru' {
        $blocks = New-MemoryBlock 16 -Count 2 -Zeroed
        ($blocks | Set-MemoryBlockContent -Value 'ab' -Offset 14 -PassThru).Count | Should -Be 2
        $blocks | ForEach-Object { (Get-MemoryBlockContent $_ -Offset 13 -Count 3) | Should -Be 0, 97, 98 }
    }

    It 'writes nothing with -WhatIf' {
        Set-MemoryBlockContent $block 'x' -WhatIf
        (Get-MemoryBlockContent $block)[0] | Should -Be 0
    }

    It 'refuses what does not fit, whole' {
        Set-MemoryBlockContent $block 'abc' -Offset 4094 -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be 'OutOfBounds,DimensionStore.PowerShell.SetMemoryBlockContentCommand'
        (Get-MemoryBlockContent $block -Offset 4094 -Count 2) | Should -Be 0, 0
    }

    It 'refuses what is neither text nor bytes' -ForEach @{ Value = 1000, 2000 }, @{ Value = [datetime]::UnixEpoch } {
        { Set-MemoryBlockContent $block $Value } | Should -Throw -ErrorId 'InvalidArgument,DimensionStore.PowerShell.SetMemoryBlockContentCommand'
    }
}

Describe 'A value that is not bytes' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'is named: <Shown>' -ForEach @{ Value = @(1, 2, 300); Shown = '300' }, @{ Value = @(1, 'two'); Shown = 'two' }, @{ Value = -1; Shown = '-1' } {
        New-MemoryAllocator pool a | Out-Null
        $block = New-MemoryBlock 16 -Allocator a
        { Set-MemoryBlockContent $block $Value } | Should -Throw -ErrorId 'InvalidArgument,*' -ExpectedMessage "*$Shown*0 to 255*"
    }
}
