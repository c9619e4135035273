using System.Globalization;
using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Makes every error record of the module: a stable id, a category, what it is about, the cause, and what to do.</summary>
internal static class Errors
{
    /// <summary>Whether an exception is one that the library or the operating system reports on purpose. Anything else is a defect and is not dressed up.</summary>
    public static bool IsExpected(Exception e) =>
        e is DimensionStoreException or MemoryToolkitException or IOException or UnauthorizedAccessException or ArgumentException or ObjectDisposedException or OutOfMemoryException;

    /// <summary>The record of an expected exception.</summary>
    /// <param name="e">The exception.</param>
    /// <param name="target">What it is about.</param>
    /// <param name="source">The allocator or store that was worked on, where <paramref name="target"/> does not tell.</param>
    public static ErrorRecord From(Exception e, object? target, BlockSource? source = null) => e switch
    {
        DimensionFormatException format => Make(e, ErrorIds.InvalidFileFormat, ErrorCategory.InvalidData, format.FilePath ?? target, "Run Test-DimensionFile on the file; rebuild it with New-DimensionFile, or take it from a backup."),
        CodecUnavailableException codec => Make(e, ErrorIds.CodecUnavailable, ErrorCategory.NotInstalled, codec.FilePath ?? target, $"Install {codec.LibraryName}, or choose the codec None, Brotli or ZLib."),
        InvalidEntryException => Make(e, ErrorIds.InvalidEntry, ErrorCategory.InvalidData, target, "Give each object a Layer from 0 to 3, Keywords, and Content. Nothing was written."),
        DimensionFileExistsException exists => Make(e, ErrorIds.FileExists, ErrorCategory.ResourceExists, exists.FilePath, "Use -Force to replace the file, or give another place.", $"{exists.FilePath} exists and is kept."),
        MemoryMapFileExistsException exists => Make(e, ErrorIds.FileExists, ErrorCategory.ResourceExists, exists.FilePath, "Use -Force to replace the file, or give another place.", $"{exists.FilePath} exists and is kept."),
        ImmutableDimensionException immutable => Make(e, ErrorIds.ImmutableDimension, ErrorCategory.InvalidOperation, immutable.FilePath ?? (object)immutable.Dimension, "Immutable dimensions (D09, D14, and sealed files) stay as they are, -Force or not. Close the store to take them out of memory; delete a file by hand to replace it."),
        DimensionNotFoundException notFound => Make(e, ErrorIds.DimensionNotFound, ErrorCategory.ObjectNotFound, target ?? notFound.Dimension, "Get-Dimension lists the dimensions of the store."),
        LayerNotFoundException layer => Make(e, ErrorIds.LayerNotFound, ErrorCategory.ObjectNotFound, layer.Layer, "Get-DimensionLayer lists the layers of a dimension."),
        RegionNotFoundException region => Make(e, ErrorIds.DimensionNotLoaded, ErrorCategory.ResourceUnavailable, region.Dimension, $"Mount-Dimension {region.Dimension} loads it."),
        OutOfBoundsException => Make(e, ErrorIds.OutOfBounds, ErrorCategory.InvalidArgument, target, "Choose -Offset and -Count inside the content."),
        InvalidCatalogException => Make(e, ErrorIds.InvalidCatalog, ErrorCategory.InvalidData, target, "Correct the catalog; data/dimensions.json shows the form."),
        InvalidLayoutException => Make(e, ErrorIds.InvalidLayout, ErrorCategory.InvalidData, target, "Correct the layout so that its slots neither overlap nor leave gaps."),
        DimensionStoreException => Make(e, ErrorIds.StoreError, ErrorCategory.InvalidOperation, target, "The message says what to change."),
        UnknownOwnerException owner => Make(e, ErrorIds.OwnerNotFound, ErrorCategory.ObjectNotFound, owner.Owner, "Get-MemoryOwner lists the owners of an allocator.", $"{source?.ToString() ?? owner.Allocator} has no owner {owner.Owner}: it never had a block or a limit there."),
        LimitExceededException limit => Make(e, ErrorIds.LimitExceeded, ErrorCategory.LimitsExceeded, target, RemedyFor(limit, source)),
        AllocationFailedException => Make(e, ErrorIds.AllocationFailed, ErrorCategory.ResourceUnavailable, target, "Ask for fewer bytes; Get-MemStats shows block sizes and what is in use."),
        MemoryFaultException => Make(e, ErrorIds.MemoryFault, ErrorCategory.InvalidOperation, target, "Get-MemoryBlock lists the blocks that are in use; a block can be removed once."),
        TraceFormatException trace => Make(e, ErrorIds.InvalidTrace, ErrorCategory.InvalidData, trace.FilePath ?? target, "The message names the rule and the offset; take the trace from where it came from again, or record it anew."),
        TraceReplayException => Make(e, ErrorIds.TraceReplayFailed, ErrorCategory.LimitsExceeded, target, "Give more with -LimitBytes, or choose an allocator that makes blocks of such sizes and alignments."),
        MemoryToolkitException => Make(e, ErrorIds.MemoryError, ErrorCategory.ResourceUnavailable, target, "The operating system refused memory; free some and try again."),
        UnauthorizedAccessException => Make(e, ErrorIds.AccessDenied, ErrorCategory.PermissionDenied, target, "Check the permissions of the file and of its directory."),
        FileNotFoundException or DirectoryNotFoundException => Make(e, ErrorIds.PathNotFound, ErrorCategory.ObjectNotFound, target, "Check the spelling; a file that is to be read, and the directory of one that is to be made, must exist."),
        IOException => Make(e, ErrorIds.InputOutputFailed, ErrorCategory.DeviceError, target, "Check the disk and whether another program holds the file."),
        OutOfMemoryException => Make(e, ErrorIds.AllocationFailed, ErrorCategory.ResourceUnavailable, target, "Work on less at a time."),
        ObjectDisposedException disposed => Closed(disposed, target, source),
        ArgumentException => Make(e, ErrorIds.InvalidArgument, ErrorCategory.InvalidArgument, target, "The message says what is expected."),
        _ => throw new ArgumentException($"{e.GetType()} is not an expected failure.", nameof(e), e),
    };

    public static ErrorRecord NoOpenStore(bool takesAllocator = false) => Make(
        new InvalidOperationException("No store is open."),
        ErrorIds.NoOpenStore, ErrorCategory.ResourceUnavailable, null,
        $"Open one with Open-DimensionStore, or give one with -Store.{(takesAllocator ? " Allocators of New-MemoryAllocator are named with -Allocator." : "")}");

    public static ErrorRecord StoreClosed(DimensionStoreSession session, Exception? inner = null) => Make(
        new InvalidOperationException($"The store of {session.BasePath} is closed.", inner),
        ErrorIds.StoreClosed, ErrorCategory.InvalidOperation, session, "Open it again with Open-DimensionStore.");

    public static ErrorRecord SourceClosed(BlockSource source, Exception? inner = null)
        => source is DimensionStoreSession store ? StoreClosed(store, inner) : AllocatorClosed((MemoryAllocatorSession)source, inner);

    public static ErrorRecord AllocatorClosed(MemoryAllocatorSession session, Exception? inner = null) => Make(
        new InvalidOperationException($"The allocator '{session.Name}' was removed.", inner),
        ErrorIds.AllocatorClosed, ErrorCategory.InvalidOperation, session, "Make another with New-MemoryAllocator.");

    public static ErrorRecord AllocatorNotFound(string name) => Make(
        new ItemNotFoundException($"No allocator is called '{name}'."),
        ErrorIds.AllocatorNotFound, ErrorCategory.ObjectNotFound, name, "Get-MemoryAllocator lists the allocators of this process.");

    public static ErrorRecord AllocatorNotGiven() => Make(
        new ArgumentException("-Allocator was given and is null; an allocator or its name is expected."),
        ErrorIds.InvalidArgument, ErrorCategory.InvalidArgument, null, "Check that the variable is set; leave -Allocator out where the pool of a store is meant.");

    public static ErrorRecord BlockElsewhere(MemoryBlock block, BlockSource named) => Make(
        new ItemNotFoundException($"The block at {block} is of {block.Source.Describe()}, not of {named.Describe()}."),
        ErrorIds.BlockNotFound, ErrorCategory.ObjectNotFound, block, "Leave -Allocator and -Store out: a block knows where it belongs.");

    public static ErrorRecord OneAllocatorExpected(int count) => Make(
        new ArgumentException($"-Allocator names {count} allocators; one is expected."),
        ErrorIds.InvalidArgument, ErrorCategory.InvalidArgument, null, "Name one. Where several are meant, pipe them to the command, as in Get-MemoryAllocator one, two | Get-MemoryMap.");

    public static ErrorRecord AllocatorOfStore(object target) => Make(
        new ItemNotFoundException($"{(target is MemoryBlock block ? $"The block at {block}" : "The map")} is of the pool of a store, which is no allocator made with New-MemoryAllocator."),
        ErrorIds.AllocatorNotFound, ErrorCategory.ObjectNotFound, target, "Get-MemoryAllocator lists the allocators of this process; Get-MemStats and Get-MemoryMap show the pools of stores, too.");

    public static ErrorRecord OperationNotSupported(MemoryAllocatorSession session, string operation, string kinds) => Make(
        new NotSupportedException($"The allocator '{session.Name}' is of the kind {session.Kind}, which cannot {operation}; {kinds} can."),
        ErrorIds.OperationNotSupported, ErrorCategory.NotImplemented, session, $"Make one with New-MemoryAllocator {kinds}.");

    public static ErrorRecord AllocatorExists(string name) => Make(
        new ArgumentException($"There is an allocator called '{name}' already."),
        ErrorIds.AllocatorExists, ErrorCategory.ResourceExists, name, "Give it another -Name, or remove that one with Remove-MemoryAllocator.");

    public static ErrorRecord StoreNotFound(string path) => Make(
        new ItemNotFoundException($"No open store has the directory '{path}'."),
        ErrorIds.StoreNotFound, ErrorCategory.ObjectNotFound, path, "Get-DimensionStore lists the open stores.");

    public static ErrorRecord PathNotFound(string path, Exception? inner = null) => Make(
        new ItemNotFoundException($"There is no '{path}'.", inner),
        ErrorIds.PathNotFound, ErrorCategory.ObjectNotFound, path, "Check the spelling; use -LiteralPath where a name holds [ or ].");

    public static ErrorRecord PathNotFileSystem(string path, string provider) => Make(
        new ArgumentException($"'{path}' belongs to the {provider} provider; only files of the file system can be used."),
        ErrorIds.PathNotFileSystem, ErrorCategory.InvalidArgument, path, "Give a path of the file system.");

    public static ErrorRecord PathIsDirectory(string path) => Make(
        new ArgumentException($"'{path}' is a directory; a file is expected."),
        ErrorIds.PathIsDirectory, ErrorCategory.InvalidArgument, path, $"Name the file; where several files may be given, a pattern such as {Path.Join(path, "*")} names all of the directory.");

    public static ErrorRecord PathIsNotDirectory(string path) => Make(
        new ArgumentException($"'{path}' is a file; a directory is expected."),
        ErrorIds.PathIsNotDirectory, ErrorCategory.InvalidArgument, path, "Name the directory that holds the dimension files.");

    public static ErrorRecord PathAmbiguous(string path, int count) => Make(
        new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"'{path}' matches {count} directories; one is expected.")),
        ErrorIds.PathAmbiguous, ErrorCategory.InvalidArgument, path, "Write the path without wildcards, or use -LiteralPath.");

    public static ErrorRecord InvalidDimensionId(string text) => Make(
        new ArgumentException($"'{text}' is not a dimension."),
        ErrorIds.InvalidDimensionId, ErrorCategory.InvalidArgument, text, "Write D01, D02, … or the number alone.");

    public static ErrorRecord InvalidLayerId(string text) => Make(
        new ArgumentException($"'{text}' is not a layer."),
        ErrorIds.InvalidLayerId, ErrorCategory.InvalidArgument, text, "Write the dimension, a colon and the layer number 0 to 3, as in D01:0.");

    public static ErrorRecord InvalidLayerSetting(string problem, object? target) => Make(
        new ArgumentException(problem),
        ErrorIds.InvalidLayerSetting, ErrorCategory.InvalidArgument, target, "Write @{ 0 = @{ Frequency = 4.5; Depth = 0; Keywords = 'one', 'two'; Codec = 'None' } }.");

    public static ErrorRecord NameRequired(DimensionId id) => Make(
        new ArgumentException($"{id} is not a core dimension, so it has no name of its own."),
        ErrorIds.NameRequired, ErrorCategory.InvalidArgument, id, "Give it one with -Name.");

    public static ErrorRecord KeywordNotFound(string keyword, DimensionStoreSession session) => Make(
        new ItemNotFoundException($"No dimension searched in {session.BasePath} has an entry with the keyword '{keyword}'."),
        ErrorIds.KeywordNotFound, ErrorCategory.ObjectNotFound, keyword, "Try -Prefix, or a pattern with * and ?; Get-Dimension shows which dimensions are loaded.");

    public static ErrorRecord DimensionNotMounted(DimensionId id) => Make(
        new RegionNotFoundException(id),
        ErrorIds.DimensionNotLoaded, ErrorCategory.ResourceUnavailable, id, "There is nothing to dismount; Get-Dimension -State Loaded lists what can be.");

    public static ErrorRecord DimensionNameNotFound(string name, DimensionStoreSession session) => Make(
        new ItemNotFoundException($"No dimension of {session.BasePath} is called '{name}'."),
        ErrorIds.DimensionNotFound, ErrorCategory.ObjectNotFound, name, "Get-Dimension lists the dimensions of the store.");

    public static ErrorRecord DimensionHasNoDescriptor(DimensionStatus status) => status.Error is not null && IsExpected(status.Error)
        ? From(status.Error, status.Id)
        : From(new RegionNotFoundException(status.Id), status.Id);

    public static ErrorRecord ProtoDimensionClosed(ProtoDimensionInfo proto) => Make(
        new InvalidOperationException($"The proto-dimension '{proto.Name}' was completed or removed."),
        ErrorIds.ProtoDimensionClosed, ErrorCategory.InvalidOperation, proto, "Begin another with New-ProtoDimension.");

    public static ErrorRecord ProtoDimensionNotFound(string name) => Make(
        new ItemNotFoundException($"No open proto-dimension is called '{name}'."),
        ErrorIds.DimensionNotFound, ErrorCategory.ObjectNotFound, name, "Get-ProtoDimension lists those that are open.");

    public static ErrorRecord BlockNotFound(long address) => Make(
        new ItemNotFoundException(string.Create(CultureInfo.InvariantCulture, $"No block in use begins at 0x{address:x}.")),
        ErrorIds.BlockNotFound, ErrorCategory.ObjectNotFound, address, "Get-MemoryBlock lists the blocks that are in use.");

    public static ErrorRecord BlockOfStore(long address) => Make(
        new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"The block at 0x{address:x} is the store's own: it holds a proto-dimension or a decompressed layer.")),
        ErrorIds.BlockOfStore, ErrorCategory.InvalidOperation, address, "Remove-ProtoDimension, Dismount-Dimension and Close-DimensionStore give such blocks back; Get-MemoryBlock shows them with the owner -1.");

    public static ErrorRecord BlockOutOfBounds(MemoryBlock block, long offset, long count) => From(
        new OutOfBoundsException(offset, count, block.UsableSize, $"Block 0x{block.BaseAddress:x}"), block);

    public static ErrorRecord FaultFound(MemoryFaultInfo fault) => Make(
        fault.Record.ToException(),
        ErrorIds.MemoryFault, ErrorCategory.InvalidOperation, fault, "Look who writes to the block that TargetObject describes: its Site and Stack say who allocated it; New-MemoryAllocator -StackEvery 1 records every stack.", fault.ToString());

    public static ErrorRecord BlockIsFree(MemoryFaultException fault, MemoryBlock block) => Make(
        new MemoryFaultException(fault.Allocator, MemoryFault.UseAfterFree, fault.Address, fault.SizeBytes, fault.Owner, "the block is free; its bytes are neither read nor written.", fault.Site, fault.AllocationStack),
        ErrorIds.MemoryFault, ErrorCategory.InvalidOperation, block, "Get-MemoryBlock lists the blocks that are in use; New-MemoryBlock makes another.", $"The block at {block} is free; its bytes are neither read nor written.");

    public static ErrorRecord BlockIsStale(MemoryBlock block, MemoryFault fault) => Make(
        new MemoryFaultException(block.Source.Blocks.Name, fault, (nint)block.BaseAddress, block.UsableSize, new OwnerId(block.Owner), "the block was freed, and another one begins there now, which stays as it is."),
        ErrorIds.MemoryFault, ErrorCategory.InvalidOperation, block, "Get-MemoryBlock lists the blocks that are in use, the one that has this address now among them.", $"The block that began at {block} was freed; another one has its address now and stays as it is.");

    public static ErrorRecord ContentTooLarge(MemoryBlock block, long count, int limit) => Make(
        new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{count} bytes of the block at {block} are more than one object can hold, {limit}; read them in parts, with -Offset and -Count.")),
        ErrorIds.InvalidArgument, ErrorCategory.InvalidArgument, block, "Read it in parts, with -Offset and -Count.");

    public static ErrorRecord WordNetNotFound(string path) => Make(
        new ItemNotFoundException($"'{path}' does not hold WordNet's data.noun, data.verb, data.adj and data.adv."),
        ErrorIds.WordNetNotFound, ErrorCategory.ObjectNotFound, path, "Install WordNet 3.0 (Debian: wordnet-base), or name its directory with -SourcePath.");

    /// <summary>What to do where a limit was reached, which depends on whose it is.</summary>
    private static string RemedyFor(LimitExceededException limit, BlockSource? source) =>
        limit.LimitName == $"owner {limit.Owner}"
            ? "Remove blocks of the owner (Clear-MemoryOwner removes all), or let it have more: Set-MemoryOwner -LimitBytes."
        : source is MemoryAllocatorSession
            ? "Remove blocks, let Optimize-MemoryAllocator give back what no block needs, or make an allocator that may have more: New-MemoryAllocator -LimitBytes."
        : "Where the memory budget is full, dismount dimensions, remove blocks, or open the store with a larger -TotalMemoryMb; where a slot or a partition is, write less into it, or open the store with another -LayoutPath.";

    // Which of the two it was, the exception does not say: the pool of a store is an allocator of the same library.
    private static ErrorRecord Closed(ObjectDisposedException e, object? target, BlockSource? source)
    {
        BlockSource? closed = source ?? (target as MemoryBlock)?.Source ?? (target as MemoryOwner)?.Allocator ?? target as BlockSource;
        if (closed is { IsOpen: false })
        {
            return SourceClosed(closed, e);
        }

        return typeof(MemoryAllocator).Assembly.GetType(e.ObjectName)?.IsAssignableTo(typeof(MemoryAllocator)) == true
            ? Make(e, ErrorIds.AllocatorClosed, ErrorCategory.InvalidOperation, target, "Get-MemoryAllocator lists the allocators of this process.", "The allocator was removed meanwhile.")
            : Make(e, ErrorIds.StoreClosed, ErrorCategory.InvalidOperation, target, "Open the store again with Open-DimensionStore.");
    }

    private static ErrorRecord Make(Exception exception, string id, ErrorCategory category, object? target, string remedy, string? message = null) => new(exception, id, category, target)
    {
        ErrorDetails = new ErrorDetails(message ?? WithoutParameterName(exception.Message)) { RecommendedAction = remedy },
    };

    // What .NET appends names a parameter of the library, which is none of the cmdlet's, and what it was.
    private static string WithoutParameterName(string message)
    {
        int suffix = message.IndexOf(" (Parameter '", StringComparison.Ordinal);
        return suffix < 0 ? message : message[..suffix];
    }
}
