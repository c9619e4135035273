namespace DimensionStore.Cli;

/// <summary>What the process answers with. Scripts depend on these; they are listed in <c>--help</c> and in README.md beside this file.</summary>
internal static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Ok = 0;

    /// <summary>Nothing was found, or a verification failed.</summary>
    public const int NotFound = 1;

    /// <summary>The command line is not one that the tool understands.</summary>
    public const int Usage = 2;

    /// <summary>Data was refused: a rule of the format, an entry, a limit, a file that is kept.</summary>
    public const int Refused = 3;

    /// <summary>A file or the system failed: missing, not permitted, disk full, a library not installed.</summary>
    public const int InputOutput = 4;

    /// <summary>An error that the tool does not know: a defect in it.</summary>
    public const int Defect = 70;

    /// <summary>Stopped by Ctrl+C or SIGTERM.</summary>
    public const int Cancelled = 130;
}
