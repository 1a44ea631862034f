using Cloister.Enclave.Base;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>Counts failed calls and logs them, at most one line a second. secrets: none.</summary>
internal sealed class CallFailures
{
    private readonly EnclaveLog _log;
    private readonly CallCounters _counters;
    private readonly LogRateLimiter _lines = new();

    internal CallFailures(EnclaveLog log, CallCounters counters)
    {
        _log = log;
        _counters = counters;
    }

    internal void Record(string method, GrpcStatus code, string message, string uid = "")
    {
        _counters.Failed();
        if (_lines.TryAcquire(out long suppressed))
        {
            _log.CallFailed(Printable(method), GrpcStatuses.Names[(int)code], message, suppressed, uid);
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
}
