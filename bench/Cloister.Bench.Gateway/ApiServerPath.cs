namespace Cloister.Bench.Gateway;

/// <summary>One way in which an API server has its Secrets encrypted: by the same enclave, into the same etcd, in the same form.</summary>
/// <param name="Name">Name in the report.</param>
/// <param name="Arguments">What makes an API server take it.</param>
internal sealed record ApiServerPath(string Name, string[] Arguments)
{
    /// <summary>Unchanged, through the gateway.</summary>
    internal static ApiServerPath Gateway(Servers servers) => new(
        "gateway",
        [
            "--etcd-servers-overrides", $"/secrets#{File.ReadAllText(Path.Combine(servers.Dev, "gateway/url"))}", "--etcd-cafile", Path.Combine(servers.Dev, "gateway/ca.crt"),
            "--etcd-certfile", Path.Combine(servers.Dev, "gateway/client.crt"), "--etcd-keyfile", Path.Combine(servers.Dev, "gateway/client.key"),
        ]);

    /// <summary>Unchanged, with the KMS v2 provider: it encrypts itself with a seed that the enclave wraps.</summary>
    internal static ApiServerPath KmsV2(Servers servers) => new("kms-v2", ["--encryption-provider-config", Path.Combine(servers.Dev, "encryption.yaml")]);

    /// <summary>Changed: it sends whole values to the secrets service, one call each.</summary>
    internal static ApiServerPath SecretsService(Servers servers) =>
        new("secrets-service", ["--secrets-endpoint", $"unix://{Path.Combine(servers.Dev, "secrets.sock")}", "--secrets-provider", "tee"]);
}
