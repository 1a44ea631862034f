namespace Cloister.Enclave.Broker;

/// <summary>How attempts to get or renew a lease ended. Thread-safe. secrets: none.</summary>
internal sealed class RenewalCounts
{
    // Steps are words of this program and of brokers: a few.
    private const int MaxSteps = 32;

    private readonly Dictionary<string, long> _failures = [];
    private long _granted;

    /// <summary>Leases that were granted or renewed.</summary>
    internal long Granted => Volatile.Read(ref _granted);

    /// <summary>Attempts that failed, by step.</summary>
    internal IReadOnlyList<(string Step, long Count)> Failures
    {
        get
        {
            lock (_failures)
            {
                return [.. _failures.Select(one => (one.Key, one.Value))];
            }
        }
    }

    internal void OnGranted() => Interlocked.Increment(ref _granted);

    internal void OnFailed(string step)
    {
        lock (_failures)
        {
            step = _failures.Count < MaxSteps || _failures.ContainsKey(step) ? step : "other";
            _failures[step] = _failures.GetValueOrDefault(step) + 1;
        }
    }
}
