using System.Management.Automation;

namespace DimensionStore.PowerShell;

/// <summary>
/// Runs library work off the pipeline thread and shows its progress from that thread, the only one PowerShell lets write.
/// Calling the library on the pipeline thread was rejected: its progress may come from any thread.
/// </summary>
internal static class BackgroundWork
{
    private const int PollMilliseconds = 50;

    /// <summary>Runs work to its end or to cancellation; its failure is rethrown as it was.</summary>
    public static TResult Run<TProgress, TResult>(
        Cmdlet cmdlet,
        string activity,
        Func<TProgress, (string Status, int Percent)> describe,
        Func<IProgress<TProgress>, CancellationToken, TResult> work,
        CancellationToken cancellationToken)
    {
        Latest<TProgress> latest = new();
        ProgressThrottle throttle = new();
        Task<TResult> task = Task.Run(() => work(latest, cancellationToken), CancellationToken.None);
        while (!((IAsyncResult)task).AsyncWaitHandle.WaitOne(PollMilliseconds))
        {
            if (latest.TryGet(out TProgress? progress) && throttle.IsDue())
            {
                (string status, int percent) = describe(progress!);
                cmdlet.WriteProgress(new ProgressRecord(0, activity, status) { PercentComplete = percent });
            }
        }

        if (throttle.WasDue)
        {
            cmdlet.WriteProgress(new ProgressRecord(0, activity, "Done") { RecordType = ProgressRecordType.Completed });
        }

        return task.GetAwaiter().GetResult();
    }

    private sealed class Latest<T> : IProgress<T>
    {
        private readonly Lock _gate = new();
        private T? _value;
        private bool _has;

        public void Report(T value)
        {
            lock (_gate)
            {
                _value = value;
                _has = true;
            }
        }

        public bool TryGet(out T? value)
        {
            lock (_gate)
            {
                value = _value;
                return _has;
            }
        }
    }
}
