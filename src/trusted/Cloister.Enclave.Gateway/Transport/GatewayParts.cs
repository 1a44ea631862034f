using Cloister.Enclave.Base;
using Cloister.Enclave.Wire.Http2;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>What all connections of a gateway share. secrets: see the parts.</summary>
/// <param name="Tls">Certificates.</param>
/// <param name="Connector">Way to etcd.</param>
/// <param name="Messages">Rewrites messages.</param>
/// <param name="MaxMessageSize">Bytes of the largest message.</param>
/// <param name="Budget">Bytes of all messages.</param>
/// <param name="Calls">Bytes of calls beyond what is counted with their connections.</param>
/// <param name="Counters">Counters.</param>
/// <param name="Log">Log.</param>
/// <param name="Ended">Told of connections that the gateway closes.</param>
internal sealed record GatewayParts(
    GatewayTls Tls, EtcdConnector Connector, EtcdMessages Messages, int MaxMessageSize, MemoryBudget Budget, MemoryBudget Calls, GatewayCounters Counters,
    EnclaveLog Log, Action<ConnectionEnd> Ended)
{
    /// <summary>Lines about clients that were not let in.</summary>
    internal LogRateLimiter Refusals { get; } = new();
}
