namespace DimensionStore.Memory;

/// <summary>Names who a block belongs to: the tag that statistics, quotas and leak reports are kept by.</summary>
/// <param name="Value">The tag; 0 means "nobody in particular".</param>
public readonly record struct OwnerId(int Value)
{
    /// <summary>The owner of blocks that were allocated without one.</summary>
    public static OwnerId None => default;

    /// <inheritdoc/>
    public override string ToString() => Value == 0 ? "none" : $"#{Value}";
}
