using Cloister.Cli.Etcd;
using Cloister.Contracts.Keys;

namespace Cloister.Cli.Enclaves;

/// <summary>How to run a simulated enclave.</summary>
internal sealed record SimulatedEnclaveOptions
{
    /// <summary><c>manual</c>, <c>remote</c>, <c>passthrough</c> or <c>attested</c>.</summary>
    internal string Custody { get; init; } = "manual";

    /// <summary>Provider name.</summary>
    internal string Provider { get; init; } = "tee";

    /// <summary>Cluster identity.</summary>
    internal string Cluster { get; init; } = "dev";

    /// <summary>What each call of the software KMS takes.</summary>
    internal int KmsLatencyMilliseconds { get; init; }

    /// <summary>The broker that it asks for its KEK; null: it has none.</summary>
    internal BrokerAccess? Broker { get; init; }

    /// <summary>Folder of the simulated vendor whose quotes are its evidence; null: it has none.</summary>
    internal string? VendorDirectory { get; init; }

    /// <summary>MRENCLAVE of its quotes, 64 hex digits.</summary>
    internal string Measurement { get; init; } = "51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed51b1a7ed";

    /// <summary>What is wrong with its evidence on purpose: <c>none</c>, <c>quote-signature</c>, <c>report-data</c> or <c>replay</c>.</summary>
    internal string Tamper { get; init; } = "none";

    /// <summary>Whether it keeps a sealed copy of its KEKs (custody manual and attested).</summary>
    internal bool KeepsSealedCopy { get; init; } = true;

    /// <summary>etcd behind the gateway, or null for no gateway.</summary>
    internal EtcdOptions? Etcd { get; init; }

    /// <summary>KEKs by namespace, of the gateway.</summary>
    internal KekRules NamespaceKeks { get; init; } = KekRules.None;

    /// <summary>What becomes of plaintext in etcd: <c>adopt</c> or <c>sealed</c>.</summary>
    internal string GatewayMode { get; init; } = "adopt";
}
