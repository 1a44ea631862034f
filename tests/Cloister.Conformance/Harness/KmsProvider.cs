namespace Cloister.Conformance.Harness;

/// <summary>One KMS provider of an EncryptionConfiguration.</summary>
internal sealed record KmsProvider(string ApiVersion, string Name, string Socket)
{
    /// <summary>The entry of the provider that reads and writes in clear.</summary>
    public const string Identity = "identity: {}";

    /// <summary>Its entry in an EncryptionConfiguration.</summary>
    public string Entry => $$"""kms: {apiVersion: {{ApiVersion}}, name: "{{Name}}", endpoint: "unix://{{Socket}}", timeout: 3s}""";

    /// <summary>An EncryptionConfiguration for secrets with these providers in order, then identity.</summary>
    public static string Configuration(params IEnumerable<KmsProvider> providers) =>
        ConfigurationOf([.. providers.Select(provider => provider.Entry), Identity]);

    /// <summary>An EncryptionConfiguration for secrets with these entries in order.</summary>
    public static string ConfigurationOf(params IEnumerable<string> entries) =>
        $"""
        apiVersion: apiserver.config.k8s.io/v1
        kind: EncryptionConfiguration
        resources:
          - resources: [secrets]
            providers:
        {string.Join('\n', entries.Select(entry => $"      - {entry}"))}

        """;
}
