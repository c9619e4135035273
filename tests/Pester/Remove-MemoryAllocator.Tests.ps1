BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Remove-MemoryAllocator' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'warns of blocks in use and leaves them unusable' {
        $allocator = New-MemoryAllocator pool a
        $block = New-MemoryBlock 100 -Allocator a
        Remove-MemoryAllocator a -WarningVariable warning -WarningAction SilentlyContinue
        $warning | Should -Match '1 blocks'
        $block.IsLive | Should -BeFalse
        $allocator.IsOpen | Should -BeFalse
        Remove-MemoryBlock $block -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^AllocatorClosed,'
        { New-MemoryBlock 1 -Allocator $allocator } | Should -Throw -ErrorId 'AllocatorClosed,*'
        { New-MemoryBlock 1 -Allocator nobody } | Should -Throw -ErrorId 'AllocatorNotFound,*'
        Test-MemoryAllocator $allocator -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^AllocatorClosed,'
    }
}

Describe 'Leaks' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'are named with address, size, owner and place' {
        New-MemoryAllocator general a -Diagnostic Tracking -StackEvery 1 | Out-Null
        New-MemoryBlock 1 -Allocator a | Remove-MemoryBlock
        $first = New-MemoryBlock 100 -Owner 7 -Allocator a
        $second = New-MemoryBlock 77 -Allocator a
        $removed = Remove-MemoryAllocator a -PassThru -WarningVariable warning -WarningAction SilentlyContinue
        $removed.IsOpen | Should -BeFalse
        $removed.Leaks.Count | Should -Be 2
        $leak = $removed.Leaks | Where-Object Owner -EQ 7
        $leak | Should -BeOfType DimensionStore.PowerShell.MemoryFaultInfo
        $leak.Fault | Should -Be 'Leak'
        $leak.Allocator | Should -Be 'a'
        $leak.BaseAddress | Should -Be $first.BaseAddress
        $leak.Size | Should -Be 100
        $leak.Site | Should -Match 'Remove-MemoryAllocator\.Tests\.ps1:\d+$'
        $leak.Stack | Should -Match 'NewMemoryBlockCommand'
        ([datetime]::UtcNow - $leak.AllocatedAt.UtcDateTime).TotalMinutes | Should -BeLessThan 5
        $warning[0] | Should -Match '2 blocks with 177 bytes'
        @($warning).Count | Should -Be 3
        $named = @($warning) -match ('0x{0:x}' -f $first.BaseAddress)
        $named.Count | Should -Be 1
        $named[0] | Should -Match 'Leak.*100 bytes.*owner 7.*Tests\.ps1:\d+'
        @($warning) -match ('0x{0:x}' -f $second.BaseAddress) | Should -Not -BeNullOrEmpty
        $removed.Findings | Should -BeNullOrEmpty
    }

    It 'are named up to ten, and then counted' {
        New-MemoryAllocator general a -Diagnostic Canary | Out-Null
        New-MemoryBlock 16 -Count 25 -Allocator a | Out-Null
        $removed = Remove-MemoryAllocator a -PassThru -WarningVariable warning -WarningAction SilentlyContinue
        @($warning).Count | Should -Be 12
        $warning[-1] | Should -Match '15 more'
        $removed.Leaks.Count | Should -Be 25
    }

    It 'are there without diagnostics as well, as far as the allocator knows' {
        New-MemoryAllocator pool a | Out-Null
        $block = New-MemoryBlock 100 -Allocator a
        $removed = Remove-MemoryAllocator a -PassThru -WarningAction SilentlyContinue
        $removed.Leaks.BaseAddress | Should -Be $block.BaseAddress
        (New-MemoryAllocator pool b | Remove-MemoryAllocator -PassThru -WarningVariable warning).Leaks | Should -BeNullOrEmpty
        $warning | Should -BeNullOrEmpty
    }

    It 'are none where nothing was removed' {
        New-MemoryAllocator pool a | Out-Null
        Remove-MemoryAllocator a -PassThru -WhatIf | Should -BeNullOrEmpty
    }

    It 'come with damage that is found only then' {
        New-MemoryAllocator general a -Diagnostic Canary | Out-Null
        $block = New-MemoryBlock 100 -Owner 7 -Allocator a
        [System.Runtime.InteropServices.Marshal]::WriteByte([System.IntPtr]$block.BaseAddress, 100, 1)
        $removed = Remove-MemoryAllocator a -PassThru -WarningAction SilentlyContinue -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Be 'MemoryFault,DimensionStore.PowerShell.RemoveMemoryAllocatorCommand'
        $problem[0].TargetObject.Fault | Should -Be 'Overrun'
        $removed.Findings.Fault | Should -Be 'Overrun'
        $removed.Leaks.Count | Should -Be 1
    }

    It 'render as a table at 80 columns' {
        New-MemoryAllocator general a -Diagnostic Tracking | Out-Null
        New-MemoryBlock 100 -Owner 7 -Allocator a | Out-Null
        $rendered = (Remove-MemoryAllocator a -PassThru -WarningAction SilentlyContinue).Leaks | Out-String -Width 80
        $plain = [System.Management.Automation.Internal.StringDecorated]::new($rendered).ToString('PlainText')
        $plain | Should -Match 'Fault +Address +Size +Owner +Site +Detail'
        $plain | Should -Match 'Leak +0x[0-9a-f]+ +100 +7 '
        $plain -split '\r?\n' | Where-Object { $_.TrimEnd().Length -gt 80 } | Should -BeNullOrEmpty
    }
}
