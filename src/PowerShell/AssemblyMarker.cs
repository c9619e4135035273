namespace DimensionStore.PowerShell;

internal static class AssemblyMarker
{
}
