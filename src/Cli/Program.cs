using System.Runtime.InteropServices;
using DimensionStore.Cli;

using var interrupt = new CancellationTokenSource();
var filter = new InterruptFilter(interrupt, TimeProvider.System);
void OnSignal(PosixSignalContext signal) => signal.Cancel = filter.Take();

using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);

using Stream input = Console.OpenStandardInput();
using Stream output = Console.OpenStandardOutput();
using Stream error = Console.OpenStandardError();
return CliApplication.Run(args, input, output, error, CliTerminal.Detect(), interrupt.Token);
