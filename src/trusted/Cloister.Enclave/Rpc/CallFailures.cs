using Cloister.Enclave.Hosting;
using Cloister.Enclave.Kms;

namespace Cloister.Enclave.Rpc;

/// <summary>Counts failed calls and logs them, at most one line a second, so that a flood of bad calls does not flood the log. secrets: none.</summary>
internal sealed class CallFailures
{
    private const long IntervalMilliseconds = 1000;

    private readonly EnclaveLog _log;
    private readonly KmsCounters _counters;
    private long _loggedAt = -IntervalMilliseconds;
    private long _suppressed;

    internal CallFailures(EnclaveLog log, KmsCounters counters)
    {
        _log = log;
        _counters = counters;
    }

    internal void Record(string method, StatusCode code, string message)
    {
        _counters.Failed();
        if (MayLog(out long suppressed))
        {
            _log.CallFailed(Printable(method), code, message, suppressed);
        }
    }

    /// <summary>Type and place of a fault; its text could carry data and is left out.</summary>
    internal void Fault(string method, Exception fault)
    {
        _counters.Failed();
        _log.Fault(Printable(method), fault);
    }

    private static string Printable(string method) =>
        new([.. method.Take(80).Select(c => c is >= ' ' and <= '~' ? c : '?')]);

    private bool MayLog(out long suppressed)
    {
        long now = Environment.TickCount64;
        long last = Volatile.Read(ref _loggedAt);
        if (now - last < IntervalMilliseconds || Interlocked.CompareExchange(ref _loggedAt, now, last) != last)
        {
            Interlocked.Increment(ref _suppressed);
            suppressed = 0;
            return false;
        }

        suppressed = Interlocked.Exchange(ref _suppressed, 0);
        return true;
    }
}
