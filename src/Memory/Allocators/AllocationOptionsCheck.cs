using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace DimensionStore.Memory;

/// <summary>Refuses options that there are none of. Allocators ask where a request is unusual anyhow, so that one without options does not pay for it.</summary>
internal static class AllocationOptionsCheck
{
    private const AllocationOptions Defined =
        AllocationOptions.Zeroed | AllocationOptions.NoGrow | AllocationOptions.Movable | AllocationOptions.Reclaimable | AllocationOptions.Emergency;

    /// <summary>Whether every bit has a meaning, if only between layers.</summary>
    internal static bool AreDefined(this AllocationOptions options) => (options & ~(Defined | MemoryAllocator.AskedAgain)) == 0;

    /// <summary>Throws for bits that have none.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Says which they are, and which there are.</exception>
    internal static void ThrowIfUndefined(this AllocationOptions options, [CallerArgumentExpression(nameof(options))] string? name = null)
    {
        if (!options.AreDefined())
        {
            Throw(options, name);
        }
    }

    [DoesNotReturn]
    private static void Throw(AllocationOptions options, string? name)
    {
        IEnumerable<string> defined = Enum.GetValues<AllocationOptions>().Where(value => value != AllocationOptions.None).Select(value => $"{value} ({(int)value})");
        throw new ArgumentOutOfRangeException(name, options, $"Of the options 0x{(int)options:X}, 0x{(int)(options & ~Defined):X} is not defined. Combine {string.Join(", ", defined)}.");
    }
}
