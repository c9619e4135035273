BeforeAll { . $PSScriptRoot/Support.ps1 }

Describe 'Open-DimensionStore' {
    AfterEach { Close-DimensionStore -All }

    It 'opens a directory and makes it the default store' {
        $directory = New-SampleStore
        $session = Open-DimensionStore $directory
        $session | Should -BeOfType DimensionStore.PowerShell.DimensionStoreSession
        $session.BasePath | Should -Be $directory
        $session.IsOpen | Should -BeTrue
        $session.IsDefault | Should -BeTrue
        $session.DimensionsLoaded | Should -Be 2
        $session.SimulatedDimensions | Should -Be 12
        $session.LimitBytes | Should -Be 280MB
    }

    It 'resolves paths relative to the location of PowerShell' {
        $directory = New-SampleStore
        Push-Location -LiteralPath (Split-Path $directory)
        try { (Open-DimensionStore (Split-Path $directory -Leaf)).DimensionsLoaded | Should -Be 2 } finally { Pop-Location }
    }

    It 'does not say that there are no files where they are broken or too large' {
        $broken = New-TestDirectory
        Set-Content -LiteralPath (Join-Path $broken D01.mmap) 'no dimension file'
        Open-DimensionStore $broken -ErrorAction SilentlyContinue -WarningVariable warning -WarningAction SilentlyContinue | Out-Null
        $warning | Should -BeLike 'None of the dimension files in * is loaded; *simulation.'
    }

    It 'opens a bracketed directory by -LiteralPath and from Get-Item' {
        $odd = New-TestDirectory 'store [x]'
        'x' | New-DimensionFile (Join-Path $odd D01.mmap) D01 | Out-Null
        (Open-DimensionStore -LiteralPath $odd).DimensionsLoaded | Should -Be 1
        (Get-Item -LiteralPath $odd | Open-DimensionStore).DimensionsLoaded | Should -Be 1
    }

    It 'shows the statistics of the store as instruments, for as long as it is open' {
        Add-Type -TypeDefinition @'
            using System.Collections.Concurrent;
            using System.Diagnostics.Metrics;
            public sealed class StoreInstruments : System.IDisposable {
                private readonly MeterListener _listener = new MeterListener();
                public ConcurrentDictionary<string, double> Values { get; } = new ConcurrentDictionary<string, double>();
                public StoreInstruments() {
                    _listener.InstrumentPublished = (instrument, listener) => { if (instrument.Meter.Name == "DimensionStore") { listener.EnableMeasurementEvents(instrument); } };
                    _listener.SetMeasurementEventCallback<double>((instrument, value, tags, state) => Values[instrument.Name] = value);
                    _listener.SetMeasurementEventCallback<long>((instrument, value, tags, state) => Values[instrument.Name] = value);
                    _listener.Start();
                }
                public ConcurrentDictionary<string, double> Observe() { Values.Clear(); _listener.RecordObservableInstruments(); return Values; }
                public void Dispose() => _listener.Dispose();
            }
'@
        $instruments = [StoreInstruments]::new()
        try {
            $store = Open-DimensionStore (New-SampleStore)
            $deadline = [datetime]::UtcNow.AddSeconds(20)
            while ($instruments.Observe().Count -eq 0 -and [datetime]::UtcNow -lt $deadline) { Start-Sleep -Milliseconds 50 }
            $instruments.Observe()['dimension_store.dimensions_loaded'] | Should -Be 2
            Close-DimensionStore $store
            while ($instruments.Observe().Count -ne 0 -and [datetime]::UtcNow -lt $deadline) { Start-Sleep -Milliseconds 50 }
            $instruments.Observe().Count | Should -Be 0
        }
        finally { $instruments.Dispose() }
    }

    It 'keeps several stores open; the last opened is the default until it is closed' {
        $first = Open-DimensionStore (New-SampleStore)
        $second = Open-DimensionStore (New-SampleStore)
        $first.IsDefault | Should -BeFalse
        (Get-Dimension D01).FilePath | Should -BeLike "$($second.BasePath)*"
        (Get-Dimension D01 -Store $first).FilePath | Should -BeLike "$($first.BasePath)*"
        Close-DimensionStore $second
        $first.IsDefault | Should -BeTrue
    }

    It 'warns when all answers come from the simulation' {
        $session = Open-DimensionStore (New-TestDirectory) -WarningVariable warning -WarningAction SilentlyContinue
        "$warning" | Should -BeLike '*simulation*'
        $session.SimulatedDimensions | Should -Be 14
    }

    It 'simulates without a path where data/consciousness is missing' {
        Push-Location -LiteralPath (New-TestDirectory)
        try { (Open-DimensionStore -WarningAction SilentlyContinue).SimulatedDimensions | Should -Be 14 } finally { Pop-Location }
    }

    It 'simulates nothing with -NoSimulation' {
        (Open-DimensionStore (New-SampleStore) -NoSimulation).SimulatedDimensions | Should -Be 0
        Get-Dimension -State Simulated | Should -BeNullOrEmpty
    }

    It 'reports a broken file as an error, opens the rest, and never simulates it' {
        $directory = New-SampleStore
        Set-Content -LiteralPath (Join-Path $directory D03.mmap) 'garbage'
        $session = Open-DimensionStore $directory -ErrorVariable problem -ErrorAction SilentlyContinue
        $session.DimensionsLoaded | Should -Be 2
        $problem[0].FullyQualifiedErrorId | Should -Be 'InvalidFileFormat,DimensionStore.PowerShell.OpenDimensionStoreCommand'
        "$((Get-Dimension D03).State)" | Should -Be 'Failed'
    }

    It 'checks every byte with -Verify' {
        $directory = New-SampleStore
        $file = Join-Path $directory D01.mmap
        Set-Byte $file (Get-DimensionFile -LiteralPath $file).Layers[0].ContentOffset 0x7A
        Open-DimensionStore $directory -ErrorAction Stop | Close-DimensionStore
        Open-DimensionStore $directory -Verify -ErrorVariable problem -ErrorAction SilentlyContinue | Out-Null
        "$($problem[0].Exception.Error)" | Should -Be 'LayerChecksum'
    }

    It 'serves a private copy that survives truncation of the file' {
        $directory = New-SampleStore
        (Open-DimensionStore $directory -Residency Private).Residency | Should -Be 'Private'
        $stream = [System.IO.File]::OpenWrite((Join-Path $directory D01.mmap)); $stream.SetLength(10); $stream.Dispose()
        Get-DimensionContent D01:1 | Should -Be 'Odd keywords.'
    }

    It 'refuses <Name>' -ForEach @(
        @{ Name = 'a directory that is not there'; Arguments = @{ Path = 'not-there' }; Expected = 'PathNotFound' }
        @{ Name = 'a literal directory that is not there'; Arguments = @{ LiteralPath = 'not-there' }; Expected = 'PathNotFound' }
        @{ Name = 'another provider'; Arguments = @{ Path = 'env:' }; Expected = 'PathNotFileSystem' }
        @{ Name = 'thresholds out of order'; Arguments = @{ LiteralPath = '.'; WarningThreshold = 90 }; Expected = 'InvalidArgument' }
        @{ Name = 'a layout that is not there'; Arguments = @{ LiteralPath = '.'; LayoutPath = 'none.json' }; Expected = 'PathNotFound' }
    ) {
        Push-Location -LiteralPath (New-TestDirectory)
        try { { Open-DimensionStore @Arguments } | Should -Throw -ErrorId "$Expected,DimensionStore.PowerShell.OpenDimensionStoreCommand" }
        finally { Pop-Location }
        Get-DimensionStore | Should -BeNullOrEmpty
    }

    It 'refuses a file, and a pattern of several directories' {
        $directory = New-SampleStore
        { Open-DimensionStore (Join-Path $directory D01.mmap) } | Should -Throw -ErrorId 'PathIsNotDirectory,*'
        New-Item -ItemType Directory (Join-Path $directory a1), (Join-Path $directory a2) | Out-Null
        { Open-DimensionStore (Join-Path $directory 'a*') } | Should -Throw -ErrorId 'PathAmbiguous,*'
    }

    It 'gives the store to the threads of ForEach-Object -Parallel' {
        Open-DimensionStore (New-SampleStore) | Out-Null
        $module = (Get-Module DimensionStore).Path
        $texts = 1..4 | ForEach-Object -Parallel { Import-Module $using:module; (Find-DimensionEntry delight).Text } -ThrottleLimit 2
        $texts | Should -Be (, 'A feeling of great pleasure.' * 4)
    }
}
