# ModuleBuilder's data file: what the module is and what is shipped with it.
# MSBuild reads Version from here (Directory.Build.props), so it is stated once.
@{
    ModuleManifest           = 'module/DimensionStore.psd1'
    SourcePath               = 'module/DimensionStore.psd1'
    OutputDirectory          = '../out/module'
    VersionedOutputDirectory = $false
    Version                  = '0.1.0'
    CopyPaths                = @('en-US', '../formats/DimensionStore.format.ps1xml')
}
