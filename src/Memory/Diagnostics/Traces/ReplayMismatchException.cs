namespace DimensionStore.Memory;

/// <summary>A block is not what it must be. Never leaves the replay: it becomes a <see cref="TraceReplayException"/> that knows the record.</summary>
internal sealed class ReplayMismatchException(string message) : MemoryToolkitException(message);
