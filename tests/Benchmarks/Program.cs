using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using DimensionStore.Benchmarks.Quick;

if (args.Length > 0 && args[0] == "quick")
{
    return QuickRun.Start(args[1..]);
}

if (args.Length == 0)
{
    Console.Error.WriteLine("""
        usage: quick [--json FILE] [--only NAME] [--traces DIRECTORY]    ratios against peers, measured in one run, some three minutes
               --filter PATTERN                                          BenchmarkDotNet, in depth ('*' runs everything)
        """);
    return 2;
}

// In-process: the generated project of the default toolchain does not know central package versions.
IConfig config = DefaultConfig.Instance.AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance));
BenchmarkSwitcher.FromAssembly(typeof(QuickRun).Assembly).Run(args, config);
return 0;
