using System.Net;

namespace Cloister.Enclave.Broker;

/// <summary>Which brokers an enclave uses and how it knows them. secrets: none.</summary>
public sealed record BrokerOptions
{
    /// <summary>One or more, tried in order; https, without a path.</summary>
    public required IReadOnlyList<Uri> Urls { get; init; }

    /// <summary>
    /// Where to connect instead, one for each URL in its order: a relay of the host's for each broker, where the enclave has no network. TLS
    /// goes through, so a relay sees nothing and can be nobody else. Empty: the URLs' own hosts.
    /// </summary>
    public IReadOnlyList<EndPoint> Via { get; init; } = [];

    /// <summary>What the brokers' keys must be among.</summary>
    public required BrokerPins Pins { get; init; }

    /// <summary>Name of the KEK that is wanted.</summary>
    public required string Kek { get; init; }

    /// <summary>Longest wait for one answer of one broker.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);
}
