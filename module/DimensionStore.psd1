@{
    RootModule           = 'DimensionStore.PowerShell.dll'
    # The build puts the version of build.psd1 here.
    ModuleVersion        = '0.0.0'
    GUID                 = '7c0a4f0e-6a55-4d0b-9a3b-0b7a0f3d8a15'
    Author               = 'The DimensionStore authors'
    Copyright            = '(c) The DimensionStore authors. MIT license.'
    Description          = 'Dimension files: reference texts built once, mapped into memory, shared by all processes, searched by keyword and verified by checksum.'
    PowerShellVersion    = '7.6'
    CompatiblePSEditions = @('Core')
    FormatsToProcess     = @('DimensionStore.format.ps1xml')
    CmdletsToExport      = @(
        'Add-ProtoDimensionEntry'
        'Clear-MemoryOwner'
        'Close-DimensionStore'
        'Compare-MemoryAllocator'
        'Complete-ProtoDimension'
        'Dismount-Dimension'
        'Export-MemoryMap'
        'Find-DimensionEntry'
        'Get-Dimension'
        'Get-DimensionContent'
        'Get-DimensionContext'
        'Get-DimensionFile'
        'Get-DimensionLayer'
        'Get-DimensionStore'
        'Get-MemoryAllocator'
        'Get-MemoryBlock'
        'Get-MemoryBlockContent'
        'Get-MemoryMap'
        'Get-MemoryOwner'
        'Get-MemStats'
        'Get-ProtoDimension'
        'Import-DimensionWordNet'
        'Invoke-MemoryCollection'
        'Measure-AllocationTrace'
        'Mount-Dimension'
        'New-DimensionFile'
        'New-DimensionSet'
        'New-MemoryAllocator'
        'New-MemoryBlock'
        'New-ProtoDimension'
        'Open-DimensionStore'
        'Optimize-MemoryAllocator'
        'Register-MemoryPressureEvent'
        'Remove-MemoryAllocator'
        'Remove-MemoryBlock'
        'Remove-ProtoDimension'
        'Reset-MemoryAllocator'
        'Set-MemoryBlockContent'
        'Set-MemoryOwner'
        'Test-DimensionFile'
        'Test-MemoryAllocator'
    )
    FunctionsToExport    = @()
    AliasesToExport      = @()
    VariablesToExport    = @()
    PrivateData          = @{
        PSData = @{
            Tags = @('Data', 'Search', 'MemoryMappedFile', 'Glossary', 'WordNet', 'PSEdition_Core', 'Linux', 'MacOS', 'Windows')
        }
    }
}
