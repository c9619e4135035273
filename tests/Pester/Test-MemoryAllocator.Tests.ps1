BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Test-MemoryAllocator' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'answers true or false with -Quiet' {
        New-MemoryAllocator pool | Test-MemoryAllocator -Quiet | Should -BeTrue
    }

    It 'names a double free' {
        New-MemoryAllocator pool a | Out-Null
        $block = New-MemoryBlock 100 -Allocator a
        Remove-MemoryBlock $block
        Remove-MemoryBlock $block -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem[0].FullyQualifiedErrorId | Should -Match '^MemoryFault,'
        $problem[0].Exception.Fault | Should -Be 'DoubleFree'
    }
}

Describe 'Misuse that no command was told of' {
    BeforeEach {
        New-MemoryAllocator general a -Diagnostic Canary | Out-Null
        $block = New-MemoryBlock 100 -Owner 7 -Allocator a
        function Write-Behind([long] $Address, [int] $Offset = 0) { [System.Runtime.InteropServices.Marshal]::WriteByte([System.IntPtr]$Address, $Offset, 1) }
    }
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue -ErrorAction SilentlyContinue }

    It 'is nothing where nothing happened' {
        $test = Test-MemoryAllocator a
        $test.IsIntact | Should -BeTrue
        $test.Findings | Should -BeNullOrEmpty
        Remove-MemoryBlock $block
        Optimize-MemoryAllocator a -ErrorVariable problem | Out-Null
        $problem | Should -BeNullOrEmpty
        Test-MemoryAllocator a -Quiet | Should -BeTrue
    }

    It 'is found by the test, and stays found' {
        Remove-MemoryBlock $block
        Write-Behind $block.BaseAddress 3
        foreach ($time in 1, 2) {
            $test = Test-MemoryAllocator a -ErrorVariable problem
            $test.IsIntact | Should -BeFalse
            @($test.Findings).Count | Should -Be 1
            $found = $test.Findings[0]
            $found.Fault | Should -Be 'UseAfterFree'
            $found.BaseAddress | Should -Be $block.BaseAddress
            $found.Size | Should -Be 100
            $found.Owner | Should -Be 7
            $found.Site | Should -Match 'Test-MemoryAllocator\.Tests\.ps1:\d+$'
            "$($test.Violations)" | Should -Match 'UseAfterFree'
            $problem | Should -BeNullOrEmpty
        }

        Test-MemoryAllocator a -Quiet | Should -BeFalse
        (Get-MemoryAllocator a).Findings.Fault | Should -Be 'UseAfterFree'
    }

    It 'shows a damaged block as long as it is damaged' {
        Write-Behind $block.BaseAddress 100
        (Test-MemoryAllocator a).Findings.Fault | Should -Be 'Overrun'
        (Test-MemoryAllocator a).Findings.Fault | Should -Be 'Overrun'
    }

    It 'is an error of the command that meets it: <_>' -ForEach 'Optimize', 'Reset' {
        Remove-MemoryBlock $block
        Write-Behind $block.BaseAddress 3
        $done = & "$_-MemoryAllocator" a -Confirm:$false -ErrorVariable problem -ErrorAction SilentlyContinue
        if ($_ -eq 'Optimize') { $done.Allocator | Should -Be 'a' }
        @($problem).Count | Should -Be 1
        $problem[0].FullyQualifiedErrorId | Should -Be "MemoryFault,DimensionStore.PowerShell.$($_)MemoryAllocatorCommand"
        $problem[0].Exception.Fault | Should -Be 'UseAfterFree'
        $problem[0].TargetObject | Should -BeOfType DimensionStore.PowerShell.MemoryFaultInfo
        $problem[0].TargetObject.BaseAddress | Should -Be $block.BaseAddress
        "$($problem[0])" | Should -Match 'owner 7'
        # Told once; the test shows it from then on.
        Optimize-MemoryAllocator a -ErrorVariable problem | Out-Null
        $problem | Should -BeNullOrEmpty
        (Test-MemoryAllocator a).IsIntact | Should -BeFalse
    }

    It 'is an error of the command that pushes the block out of the quarantine' {
        Remove-MemoryBlock $block
        Write-Behind $block.BaseAddress 3
        New-MemoryBlock 600KB -Count 2 -Allocator a | Remove-MemoryBlock -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem.TargetObject.Fault | Should -Be 'UseAfterFree'
        $problem[0].FullyQualifiedErrorId | Should -Be 'MemoryFault,DimensionStore.PowerShell.RemoveMemoryBlockCommand'
    }

    It 'is told up to ten times, and then counted' {
        $blocks = @(New-MemoryBlock 64 -Count 25 -Allocator a)
        $blocks | Remove-MemoryBlock
        foreach ($one in $blocks) { Write-Behind $one.BaseAddress 3 }
        Optimize-MemoryAllocator a -ErrorVariable problem -ErrorAction SilentlyContinue -WarningVariable warning -WarningAction SilentlyContinue | Out-Null
        @($problem).Count | Should -Be 10
        @($warning).Count | Should -Be 1
        $warning[0] | Should -Match '15 more'
        @((Test-MemoryAllocator a).Findings).Count | Should -Be 25
    }
}
