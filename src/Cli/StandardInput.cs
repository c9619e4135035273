namespace DimensionStore.Cli;

/// <summary>What is on the other end of standard input.</summary>
internal enum StandardInput
{
    /// <summary>A file or a pipe.</summary>
    Redirected,

    /// <summary>A person, who may not know that something is waited for.</summary>
    Terminal,

    /// <summary>Nothing: the process was started without it.</summary>
    Closed,
}
