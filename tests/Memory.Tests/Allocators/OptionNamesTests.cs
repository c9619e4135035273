using System.Reflection;

namespace DimensionStore.Memory.Tests.Allocators;

/// <summary>Whoever sets ten options learns which of them was refused.</summary>
public sealed class OptionNamesTests
{
    private static readonly Dictionary<Type, Func<object, IDisposable>> s_makers = new()
    {
        [typeof(BuddyOptions)] = options => new BuddyAllocator((BuddyOptions)options),
        [typeof(ZoneOptions)] = options => new ZoneAllocator((ZoneOptions)options),
        [typeof(LargeObjectOptions)] = options => new LargeObjectAllocator((LargeObjectOptions)options),
        [typeof(SegregatedOptions)] = options => new SegregatedAllocator((SegregatedOptions)options),
        [typeof(BackgroundTrimOptions)] = options => new BackgroundTrimmer((BackgroundTrimOptions)options),
        [typeof(DiagnosticOptions)] = options => MakeDiagnosis((DiagnosticOptions)options),
        [typeof(TraceReplayOptions)] = options => Replay((TraceReplayOptions)options),
    };

    public static TheoryData<Type, string, object> Refused()
    {
        var rows = new TheoryData<Type, string, object>();
        foreach (PropertyInfo property in s_makers.Keys.SelectMany(type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance)).Where(property => property.CanWrite))
        {
            object? value = property.PropertyType == typeof(long) ? -1L : property.PropertyType == typeof(int) ? -1 : property.PropertyType == typeof(double) ? -1.0 : null;
            if (value is not null)
            {
                rows.Add(property.DeclaringType!, property.Name, value);
            }
        }

        rows.Add(typeof(SegregatedOptions), nameof(SegregatedOptions.CapacityBytes), long.MaxValue);
        rows.Add(typeof(TraceReplayOptions), nameof(TraceReplayOptions.TimedPasses), int.MaxValue);
        return rows;
    }

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_refused_option_is_named(Type type, string option, object value)
    {
        object options = Activator.CreateInstance(type)!;
        type.GetProperty(option)!.SetValue(options, value);

        string message = Assert.ThrowsAny<ArgumentException>(() => s_makers[type](options).Dispose()).Message;

        // Sizes of zones are refused together, each with its name and value.
        string shown = type == typeof(ZoneOptions) ? option.Replace("Bytes", "", StringComparison.Ordinal).Replace("Free", "", StringComparison.Ordinal) : option.Replace("Bytes", "", StringComparison.Ordinal);
        Assert.Contains(shown, message, StringComparison.OrdinalIgnoreCase);
    }

    private static DiagnosticLayer MakeDiagnosis(DiagnosticOptions options)
    {
        var beneath = new GeneralAllocator(1 << 20);
        try
        {
            return new DiagnosticLayer(beneath, options);
        }
        catch
        {
            beneath.Dispose();
            throw;
        }
    }

    private static GeneralAllocator Replay(TraceReplayOptions options)
    {
        var allocator = new GeneralAllocator(1 << 20);
        using (allocator)
        {
            TraceReplayer.Replay(AllocationTrace.FromRecords([]), allocator, options);
        }

        return allocator;
    }
}
