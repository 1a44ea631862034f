namespace Cloister.Attacks.Grounds;

/// <summary>How a cluster differs from the usual one.</summary>
internal sealed record ClusterOptions
{
    /// <summary>Whether there is an etcd with the gateway in front of it; without, a broker and an enclave are all.</summary>
    public bool Gateway { get; init; } = true;

    /// <summary>The gateway's mode.</summary>
    public string Mode { get; init; } = "sealed";

    /// <summary>The gateway's serving certificate and its key come from files, not from the broker.</summary>
    public bool CertificateFiles { get; init; }

    /// <summary>How long a lease lasts, as a policy has it.</summary>
    public string Lease { get; init; } = "10m";

    /// <summary>More fields of section <c>gateway</c>, such as <c>maxConnections: 8</c>; a line each.</summary>
    public string GatewayFields { get; init; } = "";

    /// <summary>More of <c>gateway.tls</c>, with a comma in front.</summary>
    public string TlsFields { get; init; } = "";

    /// <summary>Where the gateway finds etcd, made from etcd's own address; null for that.</summary>
    public Func<string, string>? WayToEtcd { get; init; }

    /// <summary>More sections of the enclave's configuration.</summary>
    public string Sections { get; init; } = "";

    /// <summary>More of section <c>simulation</c>.</summary>
    public string Simulation { get; init; } = "";

    /// <summary>KEKs at the broker besides the default one.</summary>
    public IReadOnlyList<string> MoreKeks { get; init; } = [];

    /// <summary>More of the broker's configuration; its section <c>admin</c> is there already.</summary>
    public string Broker { get; init; } = "";
}
