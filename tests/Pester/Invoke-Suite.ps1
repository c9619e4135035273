<#
.SYNOPSIS
Runs the Pester files against the built module.
.DESCRIPTION
Without -OutputPath it prints what Pester prints; with it, it also writes one JSON object per file. The test project calls it so.
Exit codes: 0 all was run (whether tests failed is in the results; without -OutputPath 1 when any failed), 64 no Pester 5, 65 PowerShell older than 7.6.
.EXAMPLE
./Invoke-Suite.ps1 -File Find-DimensionEntry.Tests.ps1
#>
param(
    [string] $ModulePath = (Join-Path $PSScriptRoot '../../out/module/DimensionStore'),
    [string] $OutputPath,
    [string[]] $File = '*.Tests.ps1'
)

$ErrorActionPreference = 'Stop'
if ($PSVersionTable.PSVersion -lt [version]'7.6') { exit 65 }
$pester = Get-Module Pester -ListAvailable | Where-Object { $_.Version.Major -eq 5 } | Sort-Object Version -Descending | Select-Object -First 1
if (-not $pester) { exit 64 }
Import-Module $pester

$env:DIMENSIONSTORE_MODULE = (Resolve-Path -LiteralPath $ModulePath).ProviderPath
$configuration = New-PesterConfiguration
$configuration.Run.Path = @(Get-ChildItem (Join-Path $PSScriptRoot '*') -Include $File).FullName
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = $OutputPath ? 'None' : 'Normal'
$run = Invoke-Pester -Configuration $configuration
if (-not $OutputPath) { exit [int]($run.Result -ne 'Passed') }

$results = foreach ($container in $run.Containers) {
    $name = Split-Path $container.Item -Leaf
    $tests = @($run.Tests | Where-Object { $_.ScriptBlock.File -eq $container.Item.FullName })
    [pscustomobject]@{
        file     = $name
        passed   = @($tests | Where-Object Result -EQ 'Passed').Count
        # A container or a block that breaks outside its tests counts as a failure, too.
        failed   = @($tests | Where-Object Result -EQ 'Failed').Count + @($container | Where-Object { $_.ErrorRecord }).Count +
        @($container.Blocks | Where-Object { $_.ErrorRecord }).Count
        skipped  = @($tests | Where-Object Result -In 'Skipped', 'NotRun').Count
        failures = @(
            foreach ($test in $tests | Where-Object Result -EQ 'Failed') { '{0}: {1}' -f $test.ExpandedPath, ($test.ErrorRecord -join ' | ') }
            foreach ($record in $container.ErrorRecord + $container.Blocks.ErrorRecord) { if ($record) { "$name`: $record" } }
        )
    }
}
ConvertTo-Json @($results) -Depth 4 | Set-Content -LiteralPath $OutputPath
exit 0
