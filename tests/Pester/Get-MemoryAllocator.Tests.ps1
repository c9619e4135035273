BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Get-MemoryAllocator' {
    AfterEach { Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue }

    It 'lists by name and pattern, and says when there is none' {
        New-MemoryAllocator pool alpha | Out-Null
        New-MemoryAllocator pool beta | Out-Null
        (Get-MemoryAllocator).Name | Should -Be alpha, beta
        (Get-MemoryAllocator a*).Name | Should -Be alpha
        (Get-MemoryAllocator BETA).Name | Should -Be beta
        Get-MemoryAllocator x* | Should -BeNullOrEmpty
        Get-MemoryAllocator gamma -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Match '^AllocatorNotFound,'
    }

    It 'gives allocators to the cmdlets about blocks by the pipeline' {
        New-MemoryAllocator pool a | Out-Null
        New-MemoryBlock 100 -Owner 9 -Allocator a | Out-Null
        (Get-MemoryAllocator a | Get-MemoryBlock).Owner | Should -Be 9
        Get-MemoryAllocator a | Get-MemoryMap -AsText | Should -BeLike '*a*'
    }

    It 'finds them from another runspace' {
        New-MemoryAllocator pool shared | Out-Null
        $module = (Get-Module DimensionStore).Path
        1..2 | ForEach-Object -Parallel { Import-Module $using:module; (New-MemoryBlock 100 -Allocator shared).BaseAddress } | Should -HaveCount 2
        (Get-MemoryAllocator shared).LiveBlocks | Should -Be 2
    }

    It 'completes names' {
        New-MemoryAllocator pool zebra | Out-Null
        (Get-Completion 'Test-MemoryAllocator ze').CompletionText | Should -Be zebra
        (Get-Completion 'New-MemoryBlock 1 -Allocator ze').CompletionText | Should -Be zebra
    }
}

Describe 'Finding allocators' {
    AfterEach {
        Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue
        Close-DimensionStore -All
    }

    It 'goes by a property of rows: <_>' -ForEach 'Name', 'Allocator' {
        New-MemoryAllocator pool v | Out-Null
        $row = [pscustomobject]@{ $_ = 'v' }
        ($row | Test-MemoryAllocator).Allocator | Should -Be 'v'
        ($row | Optimize-MemoryAllocator).Allocator | Should -Be 'v'
        ($row | New-MemoryBlock -Size 64).Allocator.Name | Should -Be 'v'
        ([pscustomobject]@{ $_ = 'v'; Owner = 3 } | Set-MemoryOwner -LimitBytes 1MB -PassThru).Allocator.Name | Should -Be 'v'
    }

    It 'goes from what the other cmdlets write' {
        New-MemoryAllocator general v | Out-Null
        $block = New-MemoryBlock 64 -Owner 7 -Allocator v
        (Get-MemoryAllocator v | Select-Object Name | Test-MemoryAllocator).Allocator | Should -Be 'v'
        (Get-MemoryAllocator v | Select-Object Name | Get-MemoryAllocator).Name | Should -Be 'v'
        (Get-MemoryOwner v | Test-MemoryAllocator).Allocator | Should -Be 'v'
        (Get-MemoryOwner v | Get-MemoryOwner).Owner | Should -Be 7
        ($block | Test-MemoryAllocator).Allocator | Should -Be 'v'
        (Get-MemoryMap -Allocator v | Test-MemoryAllocator).Allocator | Should -Be 'v'
        (Get-MemoryMap -Allocator v | Get-MemoryBlock).BaseAddress | Should -Be $block.BaseAddress
        (Get-MemStats -Allocator v | Test-MemoryAllocator).Allocator | Should -Be 'v'
        (Test-MemoryAllocator v | Optimize-MemoryAllocator).Allocator | Should -Be 'v'
    }

    It 'says of a block of a store that it has no allocator' {
        Open-DimensionStore (New-SampleStore) | Out-Null
        New-MemoryBlock 64 | Test-MemoryAllocator -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem[0].FullyQualifiedErrorId | Should -Match '^AllocatorNotFound,'
        "$($problem[0])" | Should -Match 'store'
    }

    It 'takes brackets as they are: only * and ? make a pattern' {
        New-MemoryAllocator pool 'a[0]' | Out-Null
        New-MemoryAllocator pool 'a0' | Out-Null
        (Get-MemoryAllocator 'a[*').Name | Should -Be 'a[0]'
        (Get-MemoryAllocator 'A[?]').Name | Should -Be 'a[0]'
        (Test-MemoryAllocator 'a[0*').Allocator | Should -Be 'a[0]'
        (Get-MemStats -Allocator 'a[*').Name | Should -Be 'a[0]'
        Get-MemoryAllocator 'a[0-9]*' | Should -BeNullOrEmpty
        (Get-Completion 'Get-MemoryAllocator a[?').CompletionText | Should -Be "'a[0]'"
    }

    It 'takes brackets as they are in patterns of dimensions and stores' {
        Open-DimensionStore (New-SampleStore) | Out-Null
        Get-Dimension 'D[*' | Should -BeNullOrEmpty
        Get-Dimension -Name 'E[*' | Should -BeNullOrEmpty
        Get-DimensionStore '*[*' | Should -BeNullOrEmpty
        New-ProtoDimension 'n[1]' | Out-Null
        (Get-ProtoDimension 'n[*').Name | Should -Be 'n[1]'
        Mount-Dimension 'D[*' | Should -BeNullOrEmpty
    }
}
