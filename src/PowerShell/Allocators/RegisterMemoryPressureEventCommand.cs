using System.Management.Automation;
using DimensionStore.Memory;

namespace DimensionStore.PowerShell;

/// <summary>Subscribes to the pressure of an allocator or a store: an event of PowerShell whenever it passes a threshold, upwards or downwards.</summary>
[Cmdlet(VerbsLifecycle.Register, "MemoryPressureEvent")]
[OutputType(typeof(PSEventJob))]
public sealed class RegisterMemoryPressureEventCommand : BlockSourceCmdlet
{
    /// <summary>What to run for each event; without it events are queued for Wait-Event and Get-Event.</summary>
    [Parameter(Position = 0)]
    [ValidateNotNull]
    public ScriptBlock? Action { get; set; }

    /// <summary>Name of the subscription; "MemoryPressure:" and the name of the source when omitted.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? SourceIdentifier { get; set; }

    /// <summary>Data that the action finds in <c>$Event.MessageData</c>.</summary>
    [Parameter]
    public PSObject? MessageData { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        BlockSource source = RequireSource();
        string identifier = SourceIdentifier ?? $"MemoryPressure:{source}";
        Demand(identifier, () =>
        {
            foreach (PSEventSubscriber old in Events.GetEventSubscribers(identifier).Where(IsDead).ToArray())
            {
                // It can raise nothing any more and would only keep its name from the one that has taken the place.
                Events.UnsubscribeEvent(old);
            }

            if (Events.GetEventSubscribers(identifier).Any())
            {
                throw new ArgumentException($"There is a subscription called '{identifier}' already. Unregister-Event ends it; -SourceIdentifier gives this one another name.");
            }

            PSEventSubscriber subscriber = Events.SubscribeEvent(source.MemoryBudget, nameof(MemoryBudget.PressureChanged), identifier, MessageData, Action, supportEvent: false, forwardEvent: false);
            if (subscriber.Action is { } job)
            {
                WriteObject(job);
            }
        });
    }

    private static bool IsDead(PSEventSubscriber subscriber)
        => subscriber.SourceObject is MemoryBudget budget && !OpenAllocators.All.Cast<BlockSource>().Concat(OpenStores.All).Any(source => ReferenceEquals(source.MemoryBudget, budget));
}
