namespace DimensionStore.Cli.Output;

/// <summary>Progress that is told on the reporting thread, in order; <see cref="Progress{T}"/> would post it to the thread pool, where reports overtake each other.</summary>
internal sealed class InlineProgress<T>(Action<T> report) : IProgress<T>
{
    public void Report(T value) => report(value);
}
