<#
.SYNOPSIS
Makes the fourteen dimension files of dimensions.json with New-DimensionFile.

.DESCRIPTION
Does in PowerShell what 'dimstore generate' does: one file for each dimension of the catalog, D01.mmap and so on, with the
same bytes. It is also an example of how files are made from any data that PowerShell can read.

Existing files stop the script before it writes anything. With -Force they are replaced, except those of D09 and D14, which
are immutable and kept.

.PARAMETER Destination
The directory for the files; made if it is not there.

.PARAMETER From
A catalog of the form that README.md in this directory describes.

.PARAMETER Force
Replace existing files.

.EXAMPLE
./data/New-DimensionFiles.ps1 -Destination ./store
#>
[CmdletBinding(SupportsShouldProcess)]
param(
    [Parameter(Mandatory, Position = 0)]
    [string] $Destination,

    [string] $From = (Join-Path $PSScriptRoot 'dimensions.json'),

    [switch] $Force
)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest

if (-not (Get-Command New-DimensionFile -ErrorAction Ignore)) {
    $built = Join-Path $PSScriptRoot '../out/module/DimensionStore'
    Import-Module ((Test-Path -LiteralPath $built) ? $built : 'DimensionStore')
}

$immutable = 9, 14
$catalog = Get-Content -LiteralPath $From -Raw -Encoding utf8 | ConvertFrom-Json
$targets = foreach ($dimension in $catalog.dimensions) {
    $path = Join-Path $Destination ('D{0:00}.mmap' -f $dimension.id)
    [pscustomobject]@{ Dimension = $dimension; Path = $path; Exists = Test-Path -LiteralPath $path }
}

# Refused as a whole before the first file is written: half of a set is worse than none.
$existing = @($targets | Where-Object Exists)
if ($existing -and -not $Force) {
    throw "$($existing[0].Path) exists and is kept; use -Force to replace it."
}

if (-not (Test-Path -LiteralPath $Destination)) {
    $null = New-Item -ItemType Directory -Path $Destination
}

foreach ($target in $targets) {
    $dimension = $target.Dimension
    if ($target.Exists -and $dimension.id -in $immutable) {
        Write-Verbose "$($target.Path) is immutable and kept."
        continue
    }

    $settings = @{}
    foreach ($layer in $dimension.layers) {
        $settings[[int] $layer.layer] = @{
            Depth     = $layer.depth
            Frequency = $layer.frequency
            Keywords  = $layer.keywords
        }
    }

    $dimension.layers |
        ForEach-Object {
            $layer = $_
            foreach ($entry in $layer.entries) {
                [pscustomobject]@{ Layer = $layer.layer; Keywords = $entry.keywords; Content = $entry.text }
            }
        } |
        New-DimensionFile -Path $target.Path -Id $dimension.id -Name $dimension.name -LayerSetting $settings -Force:$Force
}
