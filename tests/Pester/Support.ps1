# What every test file starts with: the built module, imported anew, and a small store to work on.
$modulePath = $env:DIMENSIONSTORE_MODULE ? $env:DIMENSIONSTORE_MODULE : (Join-Path $PSScriptRoot '../../out/module/DimensionStore')
Import-Module $modulePath -Force

# A directory that no other test uses.
function New-TestDirectory([string] $Name = "d$([guid]::NewGuid().ToString('N'))") {
    (New-Item -ItemType Directory -Path (Join-Path $TestDrive $Name) -Force).FullName
}

# A directory with two real dimension files: D01 with layers 0 and 1, D02 with a compressed layer 2.
function New-SampleStore {
    $directory = New-TestDirectory
    @(
        [pscustomobject]@{ Layer = 0; Keywords = 'joy', 'delight'; Content = 'A feeling of great pleasure.' }
        [pscustomobject]@{ Layer = 0; Keywords = 'Joyful', 'C[0]'; Content = 'Full of joy.' }
        [pscustomobject]@{ Layer = 1; Keywords = 'what?', 'a*b', "it's"; Content = 'Odd keywords.' }
    ) | New-DimensionFile (Join-Path $directory D01.mmap) D01 -LayerSetting @{ 0 = @{ Frequency = 4.5; Depth = 3 }; 1 = @{ Frequency = 7.5 } } | Out-Null
    [pscustomobject]@{ Layer = 2; Keywords = 'thought', 'joy'; Content = 'To think is a joy. ' * 200 } |
        New-DimensionFile (Join-Path $directory D02.mmap) D02 -Frequency 7.5 -Codec Brotli | Out-Null
    $directory
}

# An allocation trace: so many blocks of one size, the first half of them freed again.
function New-SampleTrace([string] $Name = 'sample.altrace', [int] $Count = 20, [int] $Size = 100) {
    $path = Join-Path (New-TestDirectory) $Name
    $stream = [System.IO.File]::Create($path)
    $target = $Name.EndsWith('.gz') ? [System.IO.Compression.GZipStream]::new($stream, [System.IO.Compression.CompressionLevel]::Fastest) : $stream
    $writer = [System.IO.BinaryWriter]::new($target)
    try {
        $freed = [int]($Count / 2)
        $writer.Write([System.Text.Encoding]::ASCII.GetBytes('ALTRACE1'))
        foreach ($number in 12, 1) { $writer.Write([uint32]$number) }
        $writer.Write([uint64]($Count + $freed))
        foreach ($number in $Count, $Count) { $writer.Write([uint32]$number) }
        foreach ($number in ($Count * $Size), ($Count - 1), ($Count * $Size), 0) { $writer.Write([uint64]$number) }
        foreach ($operation in 0, 1) {
            for ($id = 0; $id -lt ($operation ? $freed : $Count); $id++) {
                foreach ($byte in $operation, 0, 0, 0) { $writer.Write([byte]$byte) }
                foreach ($number in $id, $Size) { $writer.Write([uint32]$number) }
            }
        }
    } finally { $writer.Dispose() }
    $path
}

# Changes one byte of a file.
function Set-Byte([string] $File, [long] $Offset, [byte] $Value) {
    $stream = [System.IO.File]::OpenWrite($File)
    try { $stream.Position = $Offset; $stream.WriteByte($Value) } finally { $stream.Dispose() }
}

# The texts that the command line offers at its end.
function Get-Completion([string] $Line) {
    (TabExpansion2 -inputScript $Line -cursorColumn $Line.Length).CompletionMatches
}
