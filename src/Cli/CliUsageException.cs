namespace DimensionStore.Cli;

/// <summary>An argument that the parser lets through and the command cannot use.</summary>
internal sealed class CliUsageException(string message) : Exception(message);
