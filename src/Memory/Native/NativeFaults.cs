namespace DimensionStore.Memory.Native;

/// <summary>
/// Lets a test make the Nth commit of its own thread fail, as if the operating system had refused it, and take optional libraries away.
/// Per thread, so that tests that run side by side do not fail each other; a commit is a system call and a library is asked for once a layer, so the checks cost nothing that could be measured.
/// </summary>
internal static class NativeFaults
{
    [ThreadStatic]
    private static int t_commitsUntilFailure;

    [ThreadStatic]
    private static bool t_hideLibraries;

    /// <summary>0: none fails. N: the Nth commit from now fails, once.</summary>
    internal static int FailNthCommit
    {
        get => t_commitsUntilFailure;
        set => t_commitsUntilFailure = value;
    }

    /// <summary>True: the system's compression libraries are absent for this thread.</summary>
    internal static bool HideLibraries
    {
        get => t_hideLibraries;
        set => t_hideLibraries = value;
    }

    internal static void OnCommit(nint address, nuint size)
    {
        if (t_commitsUntilFailure > 0 && --t_commitsUntilFailure == 0)
        {
            throw new VirtualMemoryException("Commit", address, size, 0, "failure injected by a test");
        }
    }
}
