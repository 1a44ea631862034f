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
}
