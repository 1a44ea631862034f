namespace Cloister.Enclave.Broker;

/// <summary>Which brokers an enclave uses and how it knows them. secrets: none.</summary>
public sealed record BrokerOptions
{
    /// <summary>One or more, tried in order; https, without a path.</summary>
    public required IReadOnlyList<Uri> Urls { get; init; }

    /// <summary>What the brokers' keys must be among.</summary>
    public required BrokerPins Pins { get; init; }

    /// <summary>Name of the KEK that is wanted.</summary>
    public required string Kek { get; init; }

    /// <summary>Longest wait for one answer of one broker.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(5);
}
