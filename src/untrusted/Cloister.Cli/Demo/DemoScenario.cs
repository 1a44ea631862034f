using Cloister.Cli.Enclaves;

namespace Cloister.Cli.Demo;

/// <summary>One row of the demonstration.</summary>
/// <param name="Name">Its name in JSON: the custody.</param>
/// <param name="Title">What it is, for people.</param>
/// <param name="Kind">How the API server encrypts.</param>
/// <param name="HasTee">False for the baseline: then the plugin is one more process on the host, and is scanned as such.</param>
internal sealed record DemoScenario(string Name, string Title, ApiServerKind Kind, bool HasTee)
{
    internal static readonly DemoScenario Baseline = new("passthrough", "baseline: no TEE, a remote trip per operation", ApiServerKind.StockV1, HasTee: false);

    internal static readonly DemoScenario Remote = new("remote", "demo 1: DEKs cached in the enclave, KEK in the broker", ApiServerKind.SecretToEnclave, HasTee: true);

    internal static readonly DemoScenario Manual = new("manual", "demo 2: DEKs and KEK in the enclave, KEK provisioned by hand", ApiServerKind.SecretToEnclave, HasTee: true);

    internal static readonly DemoScenario Attested = new("attested", "demo 3: DEKs and KEK in the enclave, KEK released by attestation", ApiServerKind.SecretToEnclave, HasTee: true);

    internal static readonly DemoScenario Stock = new("manual-stock-kms-v2", "for comparison: stock KMS v2, the API server makes its seed", ApiServerKind.StockV2, HasTee: true);

    internal static readonly DemoScenario Token = new("remote-softhsm", "demo 1 with SoftHSM: KEK in the broker's token", ApiServerKind.SecretToEnclave, HasTee: true);

    internal static readonly DemoScenario Gateway = new("gateway", "gateway: real API server, as it is, and etcd; DEKs and KEK in the enclave", ApiServerKind.Unmodified, HasTee: true);

    /// <summary>Whether a broker has the KEK.</summary>
    internal bool HasBroker => KeepsKek || this == Attested || this == Gateway;

    /// <summary>Whether the KEK never leaves the broker.</summary>
    internal bool KeepsKek => this == Remote || this == Token;

    /// <summary>Whether it is one of the talk's, and not there for comparison only.</summary>
    internal bool IsMain => this != Stock && this != Token;

    /// <summary>The keys that the same scan looked for in the enclave, where they belong: <c>kek</c>, <c>dek</c>; none where there is no enclave.</summary>
    internal IReadOnlyList<string> Control => !HasTee ? [] : this == Gateway ? ["kek", "dek"] : KeepsKek ? ["dek"] : ["kek"];

    internal SimulatedEnclaveOptions Options(int latencyMilliseconds) => new()
    {
        Custody = this == Stock ? "manual" : KeepsKek ? "remote" : this == Gateway ? "attested" : Name,
        Provider = "demo",
        Cluster = "demo",
        KmsLatencyMilliseconds = latencyMilliseconds,
    };
}
