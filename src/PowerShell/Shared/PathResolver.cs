using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>The one place where paths that a user wrote become paths of the file system: relative to PowerShell's location, with its drives, and refused where another provider is meant.</summary>
internal sealed class PathResolver(PSCmdlet cmdlet)
{
    /// <summary>Existing files. What is missing or no file is a non-terminating error; a pattern that matches nothing is silent.</summary>
    /// <param name="paths">As written.</param>
    /// <param name="literal">Take wildcard characters as they are.</param>
    public IEnumerable<string> ResolveFiles(IEnumerable<string> paths, bool literal)
    {
        foreach (string path in paths)
        {
            foreach (string resolved in ResolveExisting(path, literal))
            {
                if (Directory.Exists(resolved))
                {
                    cmdlet.WriteError(Errors.PathIsDirectory(resolved));
                }
                else
                {
                    yield return resolved;
                }
            }
        }
    }

    /// <summary>One existing directory; anything else ends the command.</summary>
    public string ResolveDirectory(string path, bool literal)
    {
        (IReadOnlyList<string> found, ErrorRecord? error) = Resolve(path, literal);
        if (error is null && found.Count == 1 && File.Exists(found[0]))
        {
            error = Errors.PathIsNotDirectory(found[0]);
        }
        else if (error is null && found.Count != 1)
        {
            error = found.Count == 0 ? Errors.PathNotFound(path) : Errors.PathAmbiguous(path, found.Count);
        }

        if (error is not null)
        {
            cmdlet.ThrowTerminatingError(error);
        }

        return found[0];
    }

    /// <summary>A path that need not exist, taken literally; a path of another provider ends the command.</summary>
    public string ResolveNew(string path)
    {
        (string? resolved, ErrorRecord? error) = ResolveLiteral(path);
        if (error is not null)
        {
            cmdlet.ThrowTerminatingError(error);
        }

        return resolved!;
    }

    private IReadOnlyList<string> ResolveExisting(string path, bool literal)
    {
        (IReadOnlyList<string> found, ErrorRecord? error) = Resolve(path, literal);
        if (error is not null)
        {
            cmdlet.WriteError(error);
        }

        return found;
    }

    private (IReadOnlyList<string> Found, ErrorRecord? Error) Resolve(string path, bool literal)
    {
        // A name without wildcards, or the backtick that escapes them, stands for itself. PowerShell's search would list every directory on the way.
        if (literal || path.AsSpan().IndexOfAny("*?[]`") < 0)
        {
            (string? resolved, ErrorRecord? error) = ResolveLiteral(path);
            return error is not null ? ([], error)
                : Path.Exists(resolved) ? ([resolved!], null)
                : ([], Errors.PathNotFound(path));
        }

        try
        {
            IReadOnlyList<string> found = cmdlet.SessionState.Path.GetResolvedProviderPathFromPSPath(path, out ProviderInfo provider);
            return IsFileSystem(provider) ? (found, null) : ([], Errors.PathNotFileSystem(path, provider.Name));
        }
        catch (Exception e) when (e is ItemNotFoundException or System.Management.Automation.DriveNotFoundException or ProviderNotFoundException or NotSupportedException)
        {
            return ([], Errors.PathNotFound(path, e));
        }
    }

    private (string? Resolved, ErrorRecord? Error) ResolveLiteral(string path)
    {
        try
        {
            string resolved = cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out ProviderInfo provider, out PSDriveInfo _);
            return IsFileSystem(provider) ? (resolved, null) : (null, Errors.PathNotFileSystem(path, provider.Name));
        }
        catch (Exception e) when (e is ItemNotFoundException or System.Management.Automation.DriveNotFoundException or ProviderNotFoundException or NotSupportedException)
        {
            return (null, Errors.PathNotFound(path, e));
        }
    }

    private static bool IsFileSystem(ProviderInfo provider) => string.Equals(provider.Name, "FileSystem", StringComparison.Ordinal);
}
