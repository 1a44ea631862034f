namespace Cloister.Gramine.Tests.Ground;

/// <summary>How a node differs from the usual one.</summary>
internal sealed record NodeOptions
{
    /// <summary>The gateway too, with an etcd behind it and certificates that the broker issues.</summary>
    public bool Gateway { get; init; }

    /// <summary>More of section <c>gateway</c>, a line each with its indentation.</summary>
    public string GatewayFields { get; init; } = "";

    /// <summary>The lease is sealed, for a start while no broker answers.</summary>
    public bool SealsLease { get; init; }

    /// <summary>The broker's name in the enclave's configuration.</summary>
    public string BrokerName { get; init; } = Worlds.NameServer.Known;

    /// <summary>The broker's port there; its own unless this says otherwise.</summary>
    public int? BrokerPort { get; init; }

    /// <summary>The broker's pin there; its own unless this says otherwise.</summary>
    public string? BrokerPin { get; init; }

    /// <summary>More sections of the configuration.</summary>
    public string Sections { get; init; } = "";
}
