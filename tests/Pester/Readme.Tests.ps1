BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'The session of the README' {
    AfterAll { Close-DimensionStore -All }

    It 'says what it says there' {
        $readme = Get-Content -LiteralPath (Join-Path $PSScriptRoot '../../README.md') -Raw
        $session = [regex]::Match($readme, '(?s)## In PowerShell\n.*?```\n(PS> .*?)```').Groups[1].Value
        $steps = [regex]::Split($session, '(?m)^PS> ') | Where-Object { $_ }
        $steps.Count | Should -BeGreaterThan 6

        $place = New-TestDirectory ann
        $width = 300
        $squeeze = { param([string] $text) @($text.Replace($place, '/home/ann') -split '\r?\n' | ForEach-Object { ($_ -replace '[\s-]+', ' ').Trim() } | Where-Object { $_ }) }
        Push-Location -LiteralPath $place
        try {
            foreach ($step in $steps) {
                $command, $expected = $step -split '\n', 2
                # The module is the one under test, and the table that is read is the one shown.
                if ($command -match '^Import-Module') { continue }
                if ($command -match '^Get-Content (\S+)') { Set-Content -LiteralPath $Matches[1] -Value $expected -NoNewline }
                $shown = [System.Management.Automation.Internal.StringDecorated]::new((. ([scriptblock]::Create($command)) | Out-String -Width $width)).ToString('PlainText')
                $actual = @(& $squeeze $shown)
                $wanted = @(& $squeeze $expected)
                $actual.Count | Should -Be $wanted.Count -Because "of $command"
                for ($i = 0; $i -lt $wanted.Count; $i++) {
                    # The terminal cut what ends in an ellipsis.
                    $whole = $wanted[$i].TrimEnd([char]0x2026)
                    $(if ($whole -ne $wanted[$i]) { $actual[$i].Substring(0, $whole.Length) } else { $actual[$i] }) | Should -Be $whole -Because "of $command"
                }
            }
        } finally { Pop-Location }
    }
}
