namespace DimensionStore.Memory.Tests.Diagnostics;

/// <summary>Layers around an allocator, each by a letter and the outermost first: Diagnosis, Events, owners' Quotas, Latency.</summary>
internal sealed class LayerStack : IDisposable
{
    internal LayerStack(string layers, MemoryAllocator core, OwnerLedger owners, DiagnosticOptions? diagnosis = null)
    {
        Levels = [core];
        foreach (char letter in layers.Reverse())
        {
            Levels.Add(letter switch
            {
                'D' => new DiagnosticLayer(Top, diagnosis),
                'E' => new EventLayer(Top),
                'Q' => new OwnerQuotaLayer(Top, owners),
                'L' => new LatencyLayer(Top, sampleEvery: 2),
                _ => throw new ArgumentOutOfRangeException(nameof(layers), layers, "D, E, Q or L."),
            });
        }
    }

    /// <summary>One, two and three of those that see what is allocated and freed, in every order.</summary>
    internal static IReadOnlyList<string> Orders { get; } =
        ["D", "E", "Q", "DE", "DQ", "ED", "EQ", "QD", "QE", "DEQ", "DQE", "EDQ", "EQD", "QDE", "QED", "DD", "DQD"];

    /// <summary>The allocator at the bottom first.</summary>
    internal List<MemoryAllocator> Levels { get; }

    internal MemoryAllocator Top => Levels[^1];

    public void Dispose() => Top.Dispose();
}
