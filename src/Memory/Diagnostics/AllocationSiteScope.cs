namespace DimensionStore.Memory;

/// <summary>
/// Names a place for the allocations of this thread, until it is disposed: for callers that are not compiled C#, such as a script, and whose call reaches a <see cref="DiagnosticLayer"/> through other layers,
/// which know nothing of places. Scopes nest. A place that <see cref="DiagnosticLayer.AllocateTracked"/> is given goes first.
/// </summary>
/// <remarks>A parameter on <see cref="MemoryAllocator.Allocate"/> was rejected: every allocator and layer would carry it for this one use.</remarks>
public readonly ref struct AllocationSiteScope
{
    [ThreadStatic]
    private static int s_site;

    private readonly int _outer;

    /// <summary>Begins the scope.</summary>
    /// <param name="file">Path or name of the source; empty for an unknown place. Kept for good, as places are, of which a program has few.</param>
    /// <param name="line">Line in it.</param>
    public AllocationSiteScope(string file, int line)
    {
        ArgumentNullException.ThrowIfNull(file);
        _outer = s_site;

        // Places are compared by reference, and a name made at run time is another object each time.
        s_site = AllocationSiteTable.NumberOf(string.Intern(file), line);
    }

    /// <summary>Number of the place of this thread's innermost scope.</summary>
    internal static int Current => s_site;

    /// <summary>Ends the scope; on the thread it began on.</summary>
    public void Dispose() => s_site = _outer;
}
