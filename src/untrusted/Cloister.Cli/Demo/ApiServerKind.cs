namespace Cloister.Cli.Demo;

/// <summary>How the stand-in for an API server encrypts.</summary>
internal enum ApiServerKind
{
    /// <summary>KMS v1 as in stock Kubernetes: a DEK per Secret, made in the API server.</summary>
    StockV1,

    /// <summary>KMS v2 as in stock Kubernetes: a seed, made in the API server.</summary>
    StockV2,

    /// <summary>The Secret itself is sent to the enclave, which makes the DEK.</summary>
    SecretToEnclave,

    /// <summary>No stand-in: real API-server code that does not encrypt at all, with a gateway between it and etcd.</summary>
    Unmodified,
}
