using DimensionStore.Memory;

namespace DimensionStore;

/// <content>Contexts for navigation paths.</content>
public sealed partial class MmapManager
{
    /// <summary>Loads the contexts of a navigation path; what cannot be answered is skipped and reported. Dimensions that were evicted are loaded again for it.</summary>
    /// <param name="path">The layers, in order; a layer may occur more than once.</param>
    /// <exception cref="ObjectDisposedException">The store is closed.</exception>
    public NavigationContexts LoadContexts(NavigationPath path)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(path.Steps, nameof(path));
        ThrowIfClosed();
        List<LayerContext> contexts = new(path.Steps.Count);
        List<SkippedStep> skipped = [];
        foreach (LayerId step in path.Steps)
        {
            try
            {
                contexts.Add(LoadContext(step));
            }
            catch (Exception exception) when (exception is DimensionStoreException or MemoryToolkitException or IOException or ArgumentException)
            {
                skipped.Add(new SkippedStep(step, exception));
            }
        }

        return new NavigationContexts(contexts, skipped, DominantFrequencyOf(contexts));
    }

    private LayerContext LoadContext(LayerId step)
    {
        RequireValid(step.Dimension);
        ReloadIfEvicted(step.Dimension);
        using LayerAccess access = AccessLayer(step);
        StampUse(step.Dimension);
        DimensionDescriptor descriptor = access.Descriptor;
        LayerDescriptor layer = descriptor.Layers.First(l => l.Layer == step.Layer);
        return new LayerContext(step, descriptor.Name, layer.Depth, layer.Frequency, layer.Keywords, access.Span.ToArray(), access.IsSimulated);
    }

    /// <summary>The frequency that most contexts carry; among equals the one that comes first in the path. Frequencies are compared as they are stored: they are labels, not measurements.</summary>
    private static float? DominantFrequencyOf(List<LayerContext> contexts)
    {
        float? dominant = null;
        int most = 0;
        Dictionary<float, int> counts = [];
        foreach (LayerContext context in contexts)
        {
            counts[context.Frequency] = counts.GetValueOrDefault(context.Frequency) + 1;
        }

        foreach (LayerContext context in contexts)
        {
            if (counts[context.Frequency] > most)
            {
                most = counts[context.Frequency];
                dominant = context.Frequency;
            }
        }

        return dominant;
    }
}
