using System.Net;
using Cloister.Contracts.Keys;
using Cloister.Enclave.Custody.Values;
using Cloister.Sockets;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>The gateway's part of the configuration, validated. secrets: names of files only.</summary>
public sealed record GatewayOptions
{
    /// <summary>Where an API server connects; loopback TCP.</summary>
    public required ListenAddress Listen { get; init; }

    /// <summary>PEM file of the serving certificate and its chain; null when the broker issues it.</summary>
    public string? CertificatePath { get; init; }

    /// <summary>PEM file of its key, or null.</summary>
    public string? KeyPath { get; init; }

    /// <summary>PEM file of the authorities that may vouch for an API server; empty when the configuration holds them.</summary>
    public required string ClientCaPath { get; init; }

    /// <summary>What binds them.</summary>
    public CaBinding ClientCaBinding { get; init; } = CaBinding.None;

    /// <summary>Names that may connect: CN or DNS name of a client's certificate. Empty: every certificate of these authorities.</summary>
    public IReadOnlyList<string> Clients { get; init; } = [];

    /// <summary>etcd: at least one, tried in turn.</summary>
    public required IReadOnlyList<EtcdEndpoint> Endpoints { get; init; }

    /// <summary>PEM file of the authorities that may vouch for etcd, needed for https; empty when the configuration holds them.</summary>
    public string? EtcdCaPath { get; init; }

    /// <summary>What binds them.</summary>
    public CaBinding EtcdCaBinding { get; init; } = CaBinding.None;

    /// <summary>Fields whose authorities the host can swap, and whether the configuration says that it may.</summary>
    public IEnumerable<(string Field, bool Waived)> Unbound
    {
        get
        {
            if (!ClientCaBinding.IsBound)
            {
                yield return ("gateway.tls.clientCa", ClientCaBinding.HostMaySwap);
            }

            if (EtcdCaPath is not null && !EtcdCaBinding.IsBound)
            {
                yield return ("gateway.etcd.ca", EtcdCaBinding.HostMaySwap);
            }
        }
    }

    /// <summary>PEM file of the gateway's certificate for etcd, or null.</summary>
    public string? EtcdCertificatePath { get; init; }

    /// <summary>PEM file of its key, or null.</summary>
    public string? EtcdKeyPath { get; init; }

    /// <summary>Prefixes of covered keys.</summary>
    public required IReadOnlyList<string> Prefixes { get; init; }

    /// <summary>Beginnings of keys whose values pass in clear.</summary>
    public IReadOnlyList<string> Uncovered { get; init; } = [];

    /// <summary>KEKs by namespace.</summary>
    public KekRules Keks { get; init; } = KekRules.None;

    /// <summary>What becomes of plaintext.</summary>
    public PlaintextMode Mode { get; init; }

    /// <summary>Rotation and cache of seeds.</summary>
    public SeedOptions Seeds { get; init; } = SeedOptions.Default;

    /// <summary>Connections at the same time; more are closed at once. 0, as read from a configuration: as many as fit, and so the next two.</summary>
    public int MaxConnections { get; init; } = 256;

    /// <summary>Bytes of the largest message, such as a list.</summary>
    public int MaxMessageSize { get; init; } = 512 * 1024 * 1024;

    /// <summary>Bytes of all messages that are on their way.</summary>
    public long Memory { get; init; } = 1024L * 1024 * 1024;

    /// <summary>Bytes of calls beyond those that are counted with their connections.</summary>
    internal long CallMemory => Math.Max(1024 * 1024, Memory / 8);
}

/// <summary>One etcd member.</summary>
/// <param name="EndPoint">Its address; a name is looked up for every connection.</param>
/// <param name="Host">The name that its certificate has to carry.</param>
/// <param name="Tls">TLS, or plain text for development.</param>
public sealed record EtcdEndpoint(EndPoint EndPoint, string Host, bool Tls);
