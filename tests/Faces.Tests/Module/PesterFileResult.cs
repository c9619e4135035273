namespace DimensionStore.Faces.Tests.Module;

/// <summary>What one Pester file came to, as Invoke-Suite.ps1 writes it.</summary>
internal sealed record PesterFileResult(string File, int Passed, int Failed, int Skipped, IReadOnlyList<string> Failures);
