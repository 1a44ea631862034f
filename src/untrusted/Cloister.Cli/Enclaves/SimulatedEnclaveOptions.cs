using Cloister.Cli.Etcd;

namespace Cloister.Cli.Enclaves;

/// <summary>How to run a simulated enclave.</summary>
internal sealed record SimulatedEnclaveOptions
{
    /// <summary><c>manual</c>, <c>remote</c> or <c>passthrough</c>.</summary>
    internal string Custody { get; init; } = "manual";

    /// <summary>Provider name.</summary>
    internal string Provider { get; init; } = "tee";

    /// <summary>Cluster identity.</summary>
    internal string Cluster { get; init; } = "dev";

    /// <summary>What each call of the software KMS takes.</summary>
    internal int KmsLatencyMilliseconds { get; init; }

    /// <summary>etcd behind the gateway, or null for no gateway.</summary>
    internal EtcdOptions? Etcd { get; init; }

    /// <summary>What becomes of plaintext in etcd: <c>adopt</c> or <c>sealed</c>.</summary>
    internal string GatewayMode { get; init; } = "adopt";
}
