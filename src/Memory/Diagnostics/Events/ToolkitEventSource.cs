using System.Diagnostics.Tracing;

namespace DimensionStore.Memory;

/// <summary>
/// The events of the toolkit for <c>dotnet-trace</c>, PerfView and <see cref="EventListener"/>: provider <see cref="ProviderName"/>. Events of single blocks are verbose
/// and have a keyword of their own, so that a session that wants pressure and failures does not pay for every allocation. Thread-safe.
/// </summary>
/// <remarks>Addresses, sizes and owners only: what a block holds never becomes part of an event.</remarks>
[EventSource(Name = ProviderName)]
public sealed class ToolkitEventSource : EventSource
{
    /// <summary>Name of the provider.</summary>
    public const string ProviderName = "DimensionStore-Memory";

    private ToolkitEventSource()
    {
    }

    /// <summary>The one instance.</summary>
    public static ToolkitEventSource Log { get; } = new();

    /// <summary>Passes on what an allocator tells its observer.</summary>
    public static IAllocatorObserver Observer { get; } = new EventSourceObserver();

    /// <summary>Whether somebody wants events of single blocks.</summary>
    [NonEvent]
    public bool AreBlocksWanted() => IsEnabled(EventLevel.Verbose, Keywords.Blocks);

    /// <summary>A block was handed out. The bytes are usable ones where an <see cref="EventLayer"/> tells of it, those asked for where an allocator told its observer.</summary>
    [Event(1, Level = EventLevel.Verbose, Keywords = Keywords.Blocks, Message = "{0}: {2} bytes at {1} for owner {3}")]
    public void Allocated(string allocator, long address, long bytes, int owner)
    {
        if (IsEnabled(EventLevel.Verbose, Keywords.Blocks))
        {
            WriteBlock(1, allocator, address, bytes, owner);
        }
    }

    /// <summary>A block was given back. The bytes are usable ones.</summary>
    [Event(2, Level = EventLevel.Verbose, Keywords = Keywords.Blocks, Message = "{0}: {2} bytes at {1} given back")]
    public void Freed(string allocator, long address, long bytes, int owner)
    {
        if (IsEnabled(EventLevel.Verbose, Keywords.Blocks))
        {
            WriteBlock(2, allocator, address, bytes, owner);
        }
    }

    /// <summary>A request was refused for lack of memory or because of a limit.</summary>
    [Event(3, Level = EventLevel.Warning, Keywords = Keywords.Failures, Message = "{0}: {1} bytes refused, {2} available, owner {3}")]
    public void AllocationFailed(string allocator, long requestedBytes, long availableBytes, int owner) => WriteEvent(3, allocator, requestedBytes, availableBytes, owner);

    /// <summary>The pressure changed.</summary>
    [Event(4, Level = EventLevel.Informational, Keywords = Keywords.Pressure, Message = "{0}: pressure went from {1} to {2} at {3} %")]
    public void PressureChanged(string allocator, string previous, string current, double usagePercent) => WriteEvent(4, allocator, previous, current, usagePercent);

    /// <summary>A collection ran.</summary>
    [Event(5, Level = EventLevel.Informational, Keywords = Keywords.Maintenance, Message = "{0}: collected {1} blocks, {2} bytes in {3} us")]
    public void Collected(string allocator, long freedBlocks, long freedBytes, double microseconds) => WriteEvent(5, allocator, freedBlocks, freedBytes, microseconds);

    /// <summary>A misuse was found.</summary>
    [Event(6, Level = EventLevel.Error, Keywords = Keywords.Failures, Message = "{4}")]
    public void FaultFound(string allocator, string fault, long address, int owner, string message) => WriteEvent(6, allocator, fault, address, owner, message);

    /// <summary>Free memory went back to the operating system; a trim that found none is not told.</summary>
    [Event(7, Level = EventLevel.Informational, Keywords = Keywords.Maintenance, Message = "{0}: trimmed {1} bytes")]
    public void Trimmed(string allocator, long bytes) => WriteEvent(7, allocator, bytes);

    /// <summary>Every block was freed at once.</summary>
    [Event(8, Level = EventLevel.Informational, Keywords = Keywords.Maintenance, Message = "{0}: reset freed {1} blocks, {2} bytes")]
    public void Emptied(string allocator, long blocks, long bytes) => WriteEvent(8, allocator, blocks, bytes);

    /// <summary>Blocks were still live at dispose.</summary>
    [Event(9, Level = EventLevel.Warning, Keywords = Keywords.Failures, Message = "{0}: {1} blocks, {2} bytes were live at dispose")]
    public void Leaked(string allocator, long blocks, long bytes) => WriteEvent(9, allocator, blocks, bytes);

    /// <summary>Without the array and the boxes of the general overload, because these two come by the million.</summary>
    [NonEvent]
    private unsafe void WriteBlock(int id, string allocator, long address, long bytes, int owner)
    {
        fixed (char* name = allocator)
        {
            EventData* data = stackalloc EventData[4];
            data[0] = new EventData { DataPointer = (nint)name, Size = (allocator.Length + 1) * sizeof(char) };
            data[1] = new EventData { DataPointer = (nint)(&address), Size = sizeof(long) };
            data[2] = new EventData { DataPointer = (nint)(&bytes), Size = sizeof(long) };
            data[3] = new EventData { DataPointer = (nint)(&owner), Size = sizeof(int) };
            WriteEventCore(id, 4, data);
        }
    }

    /// <summary>What a session can ask for.</summary>
    public static class Keywords
    {
        /// <summary>Single blocks, at level verbose.</summary>
        public const EventKeywords Blocks = (EventKeywords)1;

        /// <summary>Refused requests, misuse, leaks.</summary>
        public const EventKeywords Failures = (EventKeywords)2;

        /// <summary>Pressure.</summary>
        public const EventKeywords Pressure = (EventKeywords)4;

        /// <summary>Collections, trims, resets.</summary>
        public const EventKeywords Maintenance = (EventKeywords)8;
    }

    private sealed class EventSourceObserver : IAllocatorObserver
    {
        public void OnAllocated(MemoryAllocator allocator, nint address, long bytes, OwnerId owner) => Log.Allocated(allocator.Name, address, bytes, owner.Value);

        public void OnFreed(MemoryAllocator allocator, nint address, long bytes, OwnerId owner) => Log.Freed(allocator.Name, address, bytes, owner.Value);

        public void OnAllocationFailed(MemoryAllocator allocator, long requestedBytes, long availableBytes, OwnerId owner) =>
            Log.AllocationFailed(allocator.Name, requestedBytes, availableBytes, owner.Value);

        public void OnPressureChanged(MemoryAllocator allocator, PressureLevel previous, PressureLevel current, double usagePercent)
        {
            if (Log.IsEnabled(EventLevel.Informational, Keywords.Pressure))
            {
                Log.PressureChanged(allocator.Name, previous.ToString(), current.ToString(), usagePercent);
            }
        }

        public void OnCollected(MemoryAllocator allocator, long freedBlocks, long freedBytes, TimeSpan duration) =>
            Log.Collected(allocator.Name, freedBlocks, freedBytes, duration.TotalMicroseconds);

        public void OnFault(MemoryAllocator allocator, MemoryFaultException fault)
        {
            ArgumentNullException.ThrowIfNull(fault);
            Log.FaultFound(allocator.Name, fault.Fault.ToString(), fault.Address, fault.Owner.Value, fault.Message);
        }
    }
}
