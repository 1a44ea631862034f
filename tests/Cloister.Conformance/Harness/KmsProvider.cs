namespace Cloister.Conformance.Harness;

/// <summary>One KMS provider of an EncryptionConfiguration.</summary>
internal sealed record KmsProvider(string ApiVersion, string Name, string Socket)
{
    /// <summary>An EncryptionConfiguration for secrets with these providers in order, then identity.</summary>
    public static string Configuration(params IEnumerable<KmsProvider> providers) =>
        $"""
        apiVersion: apiserver.config.k8s.io/v1
        kind: EncryptionConfiguration
        resources:
          - resources: [secrets]
            providers:
        {string.Join('\n', providers.Select(provider => provider.Entry))}
              - identity: {"{}"}

        """;

    private string Entry => $$"""      - kms: {apiVersion: {{ApiVersion}}, name: "{{Name}}", endpoint: "unix://{{Socket}}", timeout: 3s}""";
}
