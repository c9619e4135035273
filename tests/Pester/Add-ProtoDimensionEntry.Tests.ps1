BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Add-ProtoDimensionEntry' {
    BeforeEach {
        Open-DimensionStore (New-SampleStore) | Out-Null
        $proto = New-ProtoDimension Notes
    }
    AfterEach { Close-DimensionStore -All }

    It 'takes objects, tables, texts, bytes and files' {
        $note = Join-Path (New-TestDirectory) 'a [1].txt'
        Set-Content -LiteralPath $note 'filed' -NoNewline
        [pscustomobject]@{ Layer = 1; Keywords = 'k'; Content = 'object' }, @{ Content = 'table' }, 'text', (Get-Item -LiteralPath $note) | Add-ProtoDimensionEntry $proto
        , [byte[]](1, 2) | Add-ProtoDimensionEntry $proto
        [byte[]](3, 4, 5) | Add-ProtoDimensionEntry $proto
        $proto.EntryCount | Should -Be 6
    }

    It 'takes the proto-dimension by name and writes it with -PassThru' {
        'x' | Add-ProtoDimensionEntry notes | Should -BeNullOrEmpty
        ('y' | Add-ProtoDimensionEntry Notes -PassThru).EntryCount | Should -Be 2
        Add-ProtoDimensionEntry Notes 'z' -Keywords k
        $proto.EntryCount | Should -Be 3
    }

    It 'reports a bad entry and takes the next' {
        'good', [pscustomobject]@{ Layer = 9; Content = 'x' }, 'good' | Add-ProtoDimensionEntry $proto -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem.Count | Should -Be 1
        $problem[0].FullyQualifiedErrorId | Should -Be 'InvalidEntry,DimensionStore.PowerShell.AddProtoDimensionEntryCommand'
        $proto.EntryCount | Should -Be 2
    }

    It 'adds nothing with -WhatIf' {
        'x' | Add-ProtoDimensionEntry $proto -WhatIf
        $proto.EntryCount | Should -Be 0
    }

    It 'refuses one that was removed, or never begun' {
        Remove-ProtoDimension $proto
        { 'x' | Add-ProtoDimensionEntry $proto } | Should -Throw -ErrorId 'ProtoDimensionClosed,DimensionStore.PowerShell.AddProtoDimensionEntryCommand'
        { 'x' | Add-ProtoDimensionEntry Nobody } | Should -Throw -ErrorId 'DimensionNotFound,DimensionStore.PowerShell.AddProtoDimensionEntryCommand'
    }
}
