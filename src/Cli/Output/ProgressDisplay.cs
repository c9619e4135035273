using Spectre.Console;

namespace DimensionStore.Cli.Output;

/// <summary>Shows how far a job is, on standard error and only to a terminal, once it has taken a second: what is quick stays quiet.</summary>
internal static class ProgressDisplay
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(100);

    /// <summary>Runs a job.</summary>
    /// <param name="context">Whose standard error is used.</param>
    /// <param name="title">Shown until the job names an activity.</param>
    /// <param name="job">Gets where to report: an activity and a fraction of 0 to 1.</param>
    /// <param name="patience">How long to wait for the job before anything is shown; a second when null.</param>
    public static T Run<T>(CliContext context, string title, Func<Action<string, double>, T> job, TimeSpan? patience = null)
    {
        var state = new State(title);
        if (!context.Terminal.ErrorIsTerminal)
        {
            return job(state.Report);
        }

        Task<T> task = Task.Run(() => job(state.Report));
        if (!Wait(task, patience ?? Patience))
        {
            Show(context, task, state);
        }

        return task.GetAwaiter().GetResult();
    }

    private static void Show(CliContext context, Task task, State state)
    {
        IAnsiConsole console = ConsoleFactory.CreateLive(context.Error, context.Terminal);
        console.Progress()
            .AutoClear(true)
            .Columns(new SpinnerColumn(Spinner.Known.Line), new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn())
            .Start(progress =>
            {
                ProgressTask bar = progress.AddTask(Markup.Escape(state.Activity), maxValue: 1);
                while (!Wait(task, Refresh))
                {
                    bar.Description = Markup.Escape(state.Activity);
                    bar.Value = state.Fraction;
                }
            });
    }

    /// <summary>Whether the task ended, well or not; its error is left for whoever takes the result.</summary>
    private static bool Wait(Task task, TimeSpan time) => ((IAsyncResult)task).AsyncWaitHandle.WaitOne(time);

    private sealed class State(string activity)
    {
        private double _fraction;

        public string Activity { get; private set; } = activity;

        public double Fraction => Volatile.Read(ref _fraction);

        public void Report(string activity, double fraction)
        {
            Activity = activity;
            Volatile.Write(ref _fraction, fraction);
        }
    }
}
