BeforeDiscovery {
    . $PSScriptRoot/Support.ps1
    $commands = (Get-Command -Module DimensionStore).Name
    $topics = 'about_DimensionStore', 'about_DimensionStore_Allocators', 'about_DimensionStore_Hazards', 'about_DimensionStore_ErrorIds'
    $examples = foreach ($name in $commands) {
        $number = 0
        foreach ($example in (Get-Help $name -Full).Examples.Example) { $number++; @{ Name = $name; Number = $number; Code = "$($example.Code)" } }
    }
}
BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Help of <_>' -ForEach $commands {
    BeforeAll {
        $name = $_
        $help = Get-Help $name -Full
        $common = [System.Management.Automation.Cmdlet]::CommonParameters
    }

    It 'has a synopsis that is no syntax, a description, an example and a link' {
        $help.Synopsis | Should -Not -Match "^\s*$name"
        "$($help.Description.Text)" | Should -Not -BeNullOrEmpty
        @($help.Examples.Example).Count | Should -BeGreaterThan 0
        @($help.RelatedLinks.NavigationLink).Count | Should -BeGreaterThan 0
    }

    It 'describes every parameter as the cmdlet has it' {
        foreach ($parameter in (Get-Command $name).Parameters.Values | Where-Object Name -NotIn $common) {
            $described = Get-Help $name -Parameter $parameter.Name
            "$($described.Description.Text)" | Should -Not -BeNullOrEmpty
            $mandatory = [bool]($parameter.Attributes | Where-Object { $_ -is [Parameter] -and $_.Mandatory })
            $described.Required | Should -Be "$mandatory".ToLowerInvariant()
        }
    }

    It 'links to what exists' {
        foreach ($link in $help.RelatedLinks.NavigationLink.LinkText) {
            Get-Help $link | Should -Not -BeNullOrEmpty -Because "$name links to $link"
        }
    }
}

Describe 'Example <Number> of <Name>' -ForEach $examples {
    BeforeAll {
        $here = New-TestDirectory
        Push-Location -LiteralPath $here
        Set-Content glossary.csv 'Layer,Keywords,Content', '0,joy;delight,A feeling.', '1,joyful,Full of joy.'
        New-Item -ItemType Directory runbooks, extra | Out-Null
        Set-Content runbooks/restart.md 'Restart it.'
        Copy-Item (New-SampleTrace redis.altrace.gz) .
        New-Item -ItemType Directory traces | Out-Null
        Copy-Item redis.altrace.gz traces
        'twenty' | New-DimensionFile extra/D20.mmap D20 Twenty | Out-Null
        if ($Name -notin 'New-DimensionSet', 'New-DimensionFile') { New-DimensionSet store | Out-Null; New-DimensionSet wordnet | Out-Null }
        else { New-Item -ItemType Directory store | Out-Null }
        if (Test-Path store/D01.mmap) {
            @{ Keywords = 'joy', 'jolly'; Content = 'A feeling of great pleasure.' } | New-DimensionFile store/D01.mmap D01 -Force | Out-Null
            Open-DimensionStore store | Out-Null
            New-ProtoDimension Notes | Out-Null
            'x' | Add-ProtoDimensionEntry Notes
            New-MemoryAllocator pool cache | Out-Null
            if ($Code -like 'Mount-Dimension D01*') { Dismount-Dimension D01 }
        }
    }
    AfterAll {
        Close-DimensionStore -All
        Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction SilentlyContinue
        Pop-Location
    }

    It 'runs' {
        if ($Name -eq 'Import-DimensionWordNet' -and -not (Test-Path /usr/share/wordnet/data.noun)) {
            Set-ItResult -Skipped -Because 'WordNet is not on this machine'
            return
        }
        $ErrorActionPreference = 'Stop'
        { Invoke-Expression $Code } | Should -Not -Throw -Because $Code
    }
}

Describe 'The topic <_>' -ForEach $topics {
    It 'is found, fits 80 columns and begins as topics do' {
        $lines = Get-Content (Join-Path (Get-Module DimensionStore).ModuleBase "en-US/$_.help.txt")
        $lines[0] | Should -Be 'TOPIC'
        $lines[1].Trim() | Should -Be $_
        $lines | Where-Object Length -GT 80 | Should -BeNullOrEmpty
        Get-Help $_ | Out-String | Should -BeLike '*SHORT DESCRIPTION*'
    }
}

Describe 'The commands of about_DimensionStore_Allocators' {
    BeforeAll {
        $here = New-TestDirectory
        Push-Location -LiteralPath $here
        Copy-Item (New-SampleTrace redis.altrace.gz) .
    }
    AfterAll {
        Pop-Location
        Get-MemoryAllocator | Remove-MemoryAllocator -WarningAction Ignore
    }

    It 'do what is said there, one after the other' {
        $lines = Get-Content (Join-Path (Get-Module DimensionStore).ModuleBase 'en-US/about_DimensionStore_Allocators.help.txt')
        $steps = @($lines | Where-Object { $_ -match '^ {8}\S' })
        $steps.Count | Should -BeGreaterThan 15
        $shown = @{}
        $ErrorActionPreference = 'Stop'
        foreach ($step in $steps) {
            $shown[$step.Trim()] = try { . ([scriptblock]::Create($step)) 3>$null } catch { throw "${step}: $_" }
        }
        $shown['Get-MemoryBlockContent $block -Count 5 -AsText'] | Should -Be hello
        $shown['Get-MemoryOwner cache'].LiveBlocks | Should -Be 3
        Get-MemoryBlock -Allocator cache | Should -BeNullOrEmpty
        $shown['Test-MemoryAllocator cache'].IsIntact | Should -BeTrue
        $shown['(Remove-MemoryAllocator watched -PassThru).Leaks'].Owner | Should -Be 7
        @($shown['Compare-MemoryAllocator redis.altrace.gz -Passes 1']).Count | Should -Be 9
        # Every kind is told apart, so that nobody has to guess what a name stands for.
        foreach ($kind in [DimensionStore.Memory.AllocatorCatalog]::All.Name) { "$lines" | Should -Match "\b$kind\b" }
    }
}

Describe 'The help file' {
    It 'is what Build-Help.ps1 writes from the texts and the built module' {
        $fresh = Join-Path $TestDrive fresh.xml
        & (Join-Path $PSScriptRoot ../../module/Build-Help.ps1) -ModulePath (Get-Module DimensionStore).ModuleBase -OutputPath $fresh
        $kept = Join-Path $PSScriptRoot ../../module/en-US/DimensionStore.PowerShell.dll-Help.xml
        (Get-Content -Raw $fresh) -eq (Get-Content -Raw $kept) | Should -BeTrue -Because 'Build-Help.ps1 must be run after a change to a cmdlet or to Help.psd1'
    }
}

Describe 'A parameter that takes patterns' {
    It 'says so: <Name> -<Parameter>' -ForEach @(
        @{ Name = 'Get-MemoryAllocator'; Parameter = 'Name' }
        @{ Name = 'Test-MemoryAllocator'; Parameter = 'Allocator' }
        @{ Name = 'Get-MemoryOwner'; Parameter = 'Allocator' }
        @{ Name = 'Set-MemoryOwner'; Parameter = 'Allocator' }
        @{ Name = 'Get-MemStats'; Parameter = 'Allocator' }
    ) {
        (Get-Help $Name -Parameter $Parameter).globbing | Should -Be 'true'
    }

    It 'is not -Allocator where one is expected' {
        (Get-Help Get-MemoryBlock -Parameter Allocator).globbing | Should -Be 'false'
    }
}
