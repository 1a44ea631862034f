using System.Collections.Concurrent;
using System.Text;
using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Wire.Grpc;

/// <summary>What the connections of one socket share. Thread-safe. secrets: calls that are kept are wiped.</summary>
internal sealed class ServerParts
{
    // Calls whose buffers stay for the next ones.
    private const int MaxKept = 512;

    private readonly ConcurrentBag<ServerCall> _free = [];
    private int _kept;

    internal ServerParts(string role, ServerOptions options, IEnumerable<KeyValuePair<string, ServiceMethod>> methods, string tee, CallCounters counters, EnclaveLog log)
    {
        Role = role;
        Options = options;
        Methods = new CallMethods(role, methods);
        Counters = counters;
        counters.Add(Methods.Meters);
        Log = log;
        Failures = new CallFailures(log, counters);
        Budget = new RequestBudget(options.RequestMemory, counters);
        Uids = options.Address.Path is null ? null : options.Permissions.EffectiveUids();
        Table = new ConnectionTable(options.MaxConnections, Uids?.Count ?? 1, counters);
        Relays = options.RelayPins.Count > 0 ? new RelayKeys(options.RelayPins) : null;
        Headers = [.. GrpcAnswer.Start, new HeaderField("cloister-tee"u8.ToArray(), Encoding.ASCII.GetBytes(tee))];
    }

    internal string Role { get; }

    internal ServerOptions Options { get; }

    internal CallMethods Methods { get; }

    internal CallCounters Counters { get; }

    internal EnclaveLog Log { get; }

    internal CallFailures Failures { get; }

    internal RequestBudget Budget { get; }

    internal ConnectionTable Table { get; }

    /// <summary>Who may connect, where the kernel says who is there.</summary>
    internal IReadOnlySet<uint>? Uids { get; }

    /// <summary>Keys that relays show, where they have to.</summary>
    internal RelayKeys? Relays { get; }

    /// <summary>What every answer begins with.</summary>
    internal List<HeaderField> Headers { get; }

    /// <summary>What an answer without a fault ends with.</summary>
    internal List<HeaderField> Success { get; } = [new("grpc-status"u8.ToArray(), "0"u8.ToArray())];

    internal LogRateLimiter Refusals { get; } = new();

    internal LogRateLimiter Silences { get; } = new();

    internal ServerCall Rent()
    {
        if (_free.TryTake(out ServerCall? call))
        {
            Interlocked.Decrement(ref _kept);
            return call;
        }

        return new ServerCall(Options.MaxMessageSize);
    }

    /// <summary>Takes a call that is over and wiped.</summary>
    internal void Return(ServerCall call)
    {
        if (Interlocked.Increment(ref _kept) <= MaxKept)
        {
            _free.Add(call);
            return;
        }

        Interlocked.Decrement(ref _kept);
        call.Call.Dispose();
    }
}
