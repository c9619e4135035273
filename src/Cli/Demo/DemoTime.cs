namespace DimensionStore.Cli.Demo;

/// <summary>How long something took.</summary>
/// <param name="First">The first time, when its code had yet to be compiled and its files to be read.</param>
/// <param name="Again">The second time.</param>
internal readonly record struct DemoTime(TimeSpan First, TimeSpan Again);
