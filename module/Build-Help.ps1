#requires -Version 7.6
<#
.SYNOPSIS
Writes en-US/DimensionStore.PowerShell.dll-Help.xml from Help.psd1 and the built module.
.DESCRIPTION
Types, positions, aliases and pipeline input come from the cmdlets themselves, so that they cannot be wrong; every text comes from Help.psd1.
Run it after a change to either, with the module built: dotnet build Store.sln -c Release.
.PARAMETER OutputPath
Where to write, other than beside this script; a test compares the two.
#>
[CmdletBinding()]
param(
    [string] $ModulePath = (Join-Path $PSScriptRoot '../out/module/DimensionStore'),
    [string] $OutputPath = (Join-Path $PSScriptRoot 'en-US/DimensionStore.PowerShell.dll-Help.xml')
)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 3
$help = Import-PowerShellDataFile (Join-Path $PSScriptRoot 'Help.psd1')
$module = Import-Module $ModulePath -Force -PassThru
$commonParameters = [System.Management.Automation.Cmdlet]::CommonParameters
$text = [System.Text.StringBuilder]::new()
$settings = [System.Xml.XmlWriterSettings]@{ Indent = $true; NewLineChars = "`n"; OmitXmlDeclaration = $true }
$xml = [System.Xml.XmlWriter]::Create($text, $settings)
$ns = @{
    command = 'http://schemas.microsoft.com/maml/dev/command/2004/10'
    maml    = 'http://schemas.microsoft.com/maml/2004/10'
    dev     = 'http://schemas.microsoft.com/maml/dev/2004/10'
}

function Open([string] $prefix, [string] $name, [System.Collections.IDictionary] $attributes = @{}) {
    $xml.WriteStartElement($prefix, $name, $ns[$prefix])
    foreach ($key in $attributes.Keys) { $xml.WriteAttributeString($key, [string]$attributes[$key]) }
}

function Close { $xml.WriteEndElement() }

function Leaf([string] $prefix, [string] $name, [string] $value) { $xml.WriteElementString($prefix, $name, $ns[$prefix], $value) }

function Paragraph([string] $prefix, [string] $name, [string[]] $paragraphs) {
    Open $prefix $name
    foreach ($paragraph in $paragraphs) { Leaf maml para $paragraph }
    Close
}

function ParameterText([string] $cmdlet, [string] $parameter) {
    $own = $help.Cmdlets[$cmdlet].Parameters
    $found = $own.ContainsKey($parameter) ? $own[$parameter] : $help.Common[$parameter]
    if (-not $found) { throw "Help.psd1 has no text for -$parameter of $cmdlet." }
    $found
}

function Parameter([string] $cmdlet, $parameter, [System.Management.Automation.ParameterMetadata] $metadata, [bool] $inSyntax) {
    $pipeline = @(
        if ($parameter.ValueFromPipeline) { 'ByValue' }
        if ($parameter.ValueFromPipelineByPropertyName) { 'ByPropertyName' }
    )
    $attributes = [ordered]@{
        required      = "$($parameter.IsMandatory)".ToLowerInvariant()
        variableLength = "$($parameter.ParameterType.IsArray)".ToLowerInvariant()
        globbing      = "$([bool]($metadata.Attributes | Where-Object { $_ -is [System.Management.Automation.SupportsWildcardsAttribute] }))".ToLowerInvariant()
        pipelineInput = $pipeline ? "True ($($pipeline -join ', '))" : 'False'
        position      = $parameter.Position -ge 0 ? "$($parameter.Position)" : 'named'
        aliases       = $metadata.Aliases.Count ? ($metadata.Aliases -join ', ') : 'none'
    }
    Open command parameter $attributes
    Leaf maml name $parameter.Name
    Paragraph maml description (ParameterText $cmdlet $parameter.Name)
    $isSwitch = $parameter.ParameterType -eq [switch]
    $type = [System.Nullable]::GetUnderlyingType($parameter.ParameterType) ?? $parameter.ParameterType
    if (-not $isSwitch) {
        Open command parameterValue ([ordered]@{ required = 'true'; variableLength = $attributes.variableLength })
        $xml.WriteString($type.Name)
        Close
        if ($type.IsEnum -and $inSyntax) {
            Open command parameterValueGroup
            foreach ($value in [Enum]::GetNames($type)) {
                Open command parameterValue ([ordered]@{ required = 'false'; variableLength = 'false' })
                $xml.WriteString($value)
                Close
            }
            Close
        }
    }
    Open dev type
    Leaf maml name $type.Name
    Close
    if ($isSwitch) { Leaf dev defaultValue 'False' }
    Close
}

function Types([string] $outer, [string] $inner, [string[]] $names) {
    Open command $outer
    foreach ($name in $names) {
        Open command $inner
        Open dev type
        Leaf maml name $name
        Close
        Close
    }
    Close
}

$xml.WriteStartElement('helpItems')
$xml.WriteAttributeString('schema', 'maml')
foreach ($command in Get-Command -Module $module.Name -CommandType Cmdlet | Sort-Object Name) {
    $entry = $help.Cmdlets[$command.Name]
    if (-not $entry) { throw "Help.psd1 has nothing on $($command.Name)." }
    $known = $command.Parameters.Keys | Where-Object { $_ -notin $commonParameters }
    foreach ($parameter in $entry.Parameters.Keys) {
        if ($parameter -notin $known) { throw "Help.psd1 describes -$parameter, which $($command.Name) does not have." }
    }

    Open command command
    Open command details
    Leaf command name $command.Name
    Leaf command verb $command.Verb
    Leaf command noun $command.Noun
    Paragraph maml description $entry.Synopsis
    Close
    Paragraph maml description $entry.Description

    Open command syntax
    foreach ($set in $command.ParameterSets | Sort-Object @{ Expression = 'IsDefault'; Descending = $true }, Name) {
        Open command syntaxItem
        Leaf maml name $command.Name
        $visible = $set.Parameters | Where-Object Name -NotIn $commonParameters
        $ordered = @($visible | Where-Object Position -GE 0 | Sort-Object Position) + @($visible | Where-Object Position -LT 0 | Sort-Object Name)
        foreach ($parameter in $ordered) { Parameter $command.Name $parameter $command.Parameters[$parameter.Name] $true }
        Close
    }
    Close

    Open command parameters
    foreach ($name in $known | Sort-Object) {
        $uses = @($command.ParameterSets.Parameters | Where-Object Name -EQ $name)
        $first = @($uses | Sort-Object { -not $_.IsMandatory })[0]
        Parameter $command.Name $first $command.Parameters[$name] $false
    }
    Close

    Types inputTypes inputType @($entry.ContainsKey('Inputs') ? $entry.Inputs : 'None')
    $outputs = @($command.OutputType.Name | Where-Object { $_ -ne 'System.Void' })
    Types returnValues returnValue @($outputs.Count ? $outputs : 'None')

    Open command examples
    $number = 0
    foreach ($example in $entry.Examples) {
        $number++
        Open command example
        Leaf maml title "-------- Example ${number}: $($example.Title) --------"
        Leaf dev code $example.Code
        Paragraph dev remarks $example.Remarks
        Close
    }
    Close

    Open maml relatedLinks
    foreach ($link in $entry.Links) {
        Open maml navigationLink
        Leaf maml linkText $link
        Leaf maml uri ''
        Close
    }
    Close
    Close
}
$xml.WriteEndElement()
$xml.Dispose()

$content = "<?xml version=`"1.0`" encoding=`"utf-8`"?>`n<!-- Written by Build-Help.ps1 from Help.psd1: change that. -->`n" + $text.ToString() + "`n"
[System.IO.File]::WriteAllText($ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($OutputPath), $content)
