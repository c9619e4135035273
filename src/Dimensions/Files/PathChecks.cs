namespace DimensionStore;

/// <summary>Refuses paths of the wrong kind before anything is read or written, in words that say what to name instead: the system's own errors do not.</summary>
internal static class PathChecks
{
    /// <summary>Throws unless there is a file.</summary>
    /// <param name="path">Where it is expected.</param>
    /// <param name="wanted">What to name instead, for the error: "a layout in the form of data/layout.json".</param>
    /// <exception cref="FileNotFoundException">Nothing is there, or a directory.</exception>
    public static void RequireFile(string path, string wanted)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"{path} {(Directory.Exists(path) ? "is a directory" : "does not exist")}; name {wanted}.", path);
        }
    }

    /// <summary>Throws when a file is where dimension files shall be written into a directory.</summary>
    /// <exception cref="IOException">It is a file.</exception>
    public static void RefuseFileAsTarget(string directory)
    {
        if (File.Exists(directory))
        {
            throw new IOException($"{directory} is a file; name a directory for the dimension files.");
        }
    }
}
