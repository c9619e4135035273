using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>Loads the contexts of a navigation path.</summary>
[Cmdlet(VerbsCommon.Get, "DimensionContext")]
[OutputType(typeof(DimensionContext))]
public sealed class GetDimensionContextCommand : StoreCmdlet
{
    private readonly List<LayerId> _steps = [];
    private DimensionStoreSession? _session;

    /// <summary>The steps of the path in order, written D01:0.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("NavigationPath")]
    [ValidateNotNullOrEmpty]
    [TakesProperty(nameof(LayerId))]
    [ArgumentCompleter(typeof(LayerIdCompleter))]
    public string[] LayerId { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        // One path lies in one store: the one of its first step.
        _session ??= RequireStore();
        foreach (string text in LayerId)
        {
            if (TryParseLayer(text, out LayerId id))
            {
                _steps.Add(id);
            }
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_session is null)
        {
            return;
        }

        NavigationContexts? contexts = null;
        if (!Try(null, () => contexts = _session.Manager.LoadContexts(new NavigationPath(_steps))))
        {
            return;
        }

        foreach (LayerContext context in contexts!.Contexts)
        {
            WriteObject(new DimensionContext(context, contexts.DominantFrequency, _session));
        }

        foreach (SkippedStep step in contexts.Skipped)
        {
            if (Errors.IsExpected(step.Reason))
            {
                WriteError(Errors.From(step.Reason, step.Layer));
            }
        }
    }
}
