using System.Runtime.InteropServices;
using DimensionStore.Cli;

using var interrupt = new CancellationTokenSource();

// The first signal asks the command to stop, so that it removes its scratch files; a second one is left to the system, which ends the process.
void OnSignal(PosixSignalContext signal)
{
    if (!interrupt.IsCancellationRequested)
    {
        signal.Cancel = true;
        interrupt.Cancel();
    }
}

using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);

using Stream input = Console.OpenStandardInput();
using Stream output = Console.OpenStandardOutput();
using Stream error = Console.OpenStandardError();
return CliApplication.Run(args, input, output, error, CliTerminal.Detect(), interrupt.Token);
