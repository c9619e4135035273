BeforeAll {
    . $PSScriptRoot/Support.ps1
    $module = Get-Module DimensionStore
    $pwsh = (Get-Process -Id $PID).Path
}

Describe 'The module' {
    It 'has a valid manifest with the version of the build data' {
        $manifest = Test-ModuleManifest (Join-Path $module.ModuleBase DimensionStore.psd1)
        $build = Import-PowerShellDataFile (Join-Path $PSScriptRoot ../../build.psd1)
        "$($manifest.Version)" | Should -Be $build.Version
        $manifest.CompatiblePSEditions | Should -Be 'Core'
        "$($manifest.PowerShellVersion)" | Should -Be '7.6'
    }

    It 'exports cmdlets and nothing else' {
        $module.ExportedCmdlets.Count | Should -BeGreaterThan 20
        $module.ExportedFunctions.Count + $module.ExportedAliases.Count + $module.ExportedVariables.Count | Should -Be 0
    }

    It 'uses approved verbs' {
        $approved = (Get-Verb).Verb
        $module.ExportedCmdlets.Values.Verb | Select-Object -Unique | Should -BeIn $approved
    }

    It 'is imported by a fresh PowerShell, without a warning, from any place' {
        $copy = Join-Path (New-TestDirectory 'mes modules à moi') DimensionStore
        [System.IO.Directory]::CreateDirectory($copy) | Out-Null
        foreach ($item in Get-ChildItem -LiteralPath $module.ModuleBase -File) { [System.IO.File]::Copy($item.FullName, (Join-Path $copy $item.Name)) }
        $script = "Import-Module '$copy' 3>&1; (Get-Command -Module DimensionStore).Count"
        & $pwsh -NoProfile -NonInteractive -Command $script 2>&1 | Should -Be "$($module.ExportedCmdlets.Count)"
    }

    It 'closes its stores when it is removed' {
        $session = Open-DimensionStore (New-SampleStore)
        Remove-Module DimensionStore
        $session.IsOpen | Should -BeFalse
        Import-Module $module.Path
        Get-DimensionStore | Should -BeNullOrEmpty
    }

    It 'writes no progress for work that is quick' {
        $script = "Import-Module '$($module.ModuleBase)'; 'x' | New-DimensionFile '$(New-TestDirectory)/D01.mmap' D01 | Out-Null; (Get-Job -ErrorAction Ignore).Count"
        $shell = [powershell]::Create().AddScript($script)
        $shell.Invoke() | Out-Null
        $shell.Streams.Progress.Count | Should -Be 0
        $shell.Streams.Error.Count | Should -Be 0
        $shell.Dispose()
    }

    It 'stops a search when the pipeline is stopped' {
        $directory = New-SampleStore
        $shell = [powershell]::Create().AddScript("Import-Module '$($module.ModuleBase)'; Open-DimensionStore '$directory' | Out-Null; while (`$true) { Find-DimensionEntry '*' }")
        $run = $shell.BeginInvoke()
        $shell.Stop()
        $run.AsyncWaitHandle.WaitOne(30000) | Should -BeTrue
        "$($shell.InvocationStateInfo.State)" | Should -Be 'Stopped'
        $shell.Dispose()
        Close-DimensionStore -All
    }
}
