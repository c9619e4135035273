using System.Runtime.InteropServices;

namespace DimensionStore.Memory.Native;

/// <summary>The system's loader of shared libraries. A test puts another one in its place to take libraries or functions away.</summary>
internal class NativeLibraryLoader
{
    /// <summary>The system's own.</summary>
    public static NativeLibraryLoader System { get; } = new();

    /// <summary>Loads a library by file name from where the system keeps its libraries, never from beside this assembly or the current directory.</summary>
    public virtual bool TryLoad(string fileName, out nint library)
        => NativeLibrary.TryLoad(fileName, typeof(NativeLibraryLoader).Assembly, DllImportSearchPath.SafeDirectories, out library);

    /// <summary>Finds a function.</summary>
    public virtual bool TryGetExport(nint library, string name, out nint address) => NativeLibrary.TryGetExport(library, name, out address);

    /// <summary>Loads the first library of <paramref name="fileNames"/> that has every one of <paramref name="functions"/>. One that lacks a function is too old and counts as absent.</summary>
    /// <returns>The functions' addresses in the order asked for, or null.</returns>
    public nint[]? FindFunctions(ReadOnlySpan<string> fileNames, ReadOnlySpan<string> functions)
    {
        foreach (string fileName in fileNames)
        {
            // A library that was found stays loaded: unloading one that others in the process may have come to use gains nothing.
            if (TryLoad(fileName, out nint library) && Resolve(library, functions) is { } addresses)
            {
                return addresses;
            }
        }

        return null;
    }

    private nint[]? Resolve(nint library, ReadOnlySpan<string> functions)
    {
        nint[] addresses = new nint[functions.Length];
        for (int i = 0; i < functions.Length; i++)
        {
            if (!TryGetExport(library, functions[i], out addresses[i]))
            {
                return null;
            }
        }

        return addresses;
    }
}
